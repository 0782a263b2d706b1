"""What docs/sandbox.md shows works as shown."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from bot.sandbox.control.applications import ApplicationControl
from bot.sandbox.control.faults import FaultControl
from bot.sandbox.control.hooks import HookControl
from bot.sandbox.control.limits import LimitControl
from bot.sandbox.control.registry import RegistryControl
from bot.sandbox.faults import FaultKind, Faults
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.limits import Limits
from bot.sandbox.server import running
from bot.sandbox.storage import StorageSwitch
from bot.sandbox.world import World
from bot.sandbox.worlds import acme

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [line.partition("#")[0] for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
CALLS = [call for kind, block in BLOCKS if kind == "http" for call in block.strip().split("\n\n")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one(command: str) -> None:
    """Its words are options the command knows: an unknown one would be told before the help is."""
    name, *arguments = shlex.split(command)
    assert name == "ropewalk"
    assert CliRunner().invoke(app, [*arguments, "--nonsense", "--help"]).exit_code == 2
    assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def test_every_call_is_answered_as_shown(tmp_path: Path) -> None:
    """The examples are sent in the order of the page to one world `acme`."""
    assert len(CALLS) >= 10
    world = World(tmp_path, seed=1)
    acme.build(world)
    with running(world) as gitlab:
        headers = {"X-Sandbox-Token": gitlab.control_token}
        for call in CALLS:
            request, *body, promised = call.split("\n")
            method, path = request.split()
            answer = httpx.request(
                method,
                gitlab.url + path,
                content="\n".join(body),
                headers=headers,
                trust_env=False,
                verify=False,
                timeout=30,
            )
            assert f"→ {answer.status_code}" == promised, f"{call}\n{answer.text}"


def test_every_call_and_every_kind_of_fault_is_on_the_page(tmp_path: Path) -> None:
    hooks = HookSender(lambda: datetime.now(UTC), lambda: "", lambda _: 1)
    try:
        world = World(tmp_path)
        registry = RegistryControl(world, StorageSwitch(world))
        limits = LimitControl(Limits(lambda: datetime.now(UTC)))
        parts = (FaultControl(Faults()), limits, HookControl(hooks, 1), registry, ApplicationControl(world))
        calls = [path for part in parts for path, _, _ in part.handlers()]
    finally:
        hooks.close()
    for path in calls:
        assert path.replace("{id:int}", "ID") in TEXT, path
    for kind in FaultKind:
        assert f"`{kind}`" in TEXT, kind
