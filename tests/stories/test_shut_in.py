"""The daemon as deploy/ and the Dockerfile shut it in: its state alone to write to, no rights, few system calls."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.contract.builds import need_bubblewrap, wheelhouse
from tests.stories.bot import Bot, Daemon
from tests.stories.confined import settings
from tests.stories.town import Package, Town
from tests.tools import ROOT, program

pytestmark = pytest.mark.slow

UNIT = ROOT / "deploy" / "systemd" / "ropewalk.service"
BUILDS = ROOT / "deploy" / "systemd" / "builds.conf"
CONFINED = ROOT / "tests" / "stories" / "confined.py"
USER = "10001"  # of the image
STOPS_WITHIN = 10  # seconds
PYPROJECT = """\
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "1.1.0"
description = "Built for a story"
readme = "README.md"
requires-python = ">=3.9"
"""


def walls(bot: Bot, unit: dict[str, list[str]]) -> list[str]:
    """A read-only machine with an empty /tmp, where nobody has rights; but for the bot's folder, where its state is.

    As the unit says, parts of /proc are covered or not.
    """
    covered = "yes" in (unit["ProtectKernelTunables"][-1], unit["ProtectKernelLogs"][-1])
    folder = str(bot.folder)
    kept = [str(bot.write()), *(str(bot.folder / name) for name in bot.secrets)]
    return [
        program("bwrap"),
        *("--unshare-user", "--uid", USER, "--gid", USER, "--unshare-ipc", "--cap-drop", "ALL"),
        *("--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp"),
        *("--bind", "/proc", "/proc", *(("--ro-bind", "/proc/sys", "/proc/sys") if covered else ())),
        *("--ro-bind", str(ROOT), str(ROOT), "--ro-bind", str(wheelhouse()), str(wheelhouse())),
        *("--bind", folder, folder, *(word for path in kept for word in ("--ro-bind", path, path))),
        *("--chdir", folder, "--"),
    ]


@contextmanager
def shut_in(bot: Bot, units: Sequence[Path], path: str) -> Iterator[Daemon]:
    """A daemon that is ready, behind walls and under what the units forbid; told to stop, it does so in time."""
    need_bubblewrap()
    command = [sys.executable, str(CONFINED), *map(str, units), "--", sys.executable, "-m", "bot", "serve"]
    with bot.log.open("ab") as log:
        process = subprocess.Popen(
            [*walls(bot, settings(units)), *command, "--config", str(bot.folder / "ropewalk.yaml")],
            env={"PATH": path, "LANG": "C.UTF-8", "HOME": "/nonexistent"},
            stdout=log,
            stderr=log,
        )
    daemon = Daemon(bot=bot, process=process)
    try:
        daemon.ready()
        yield daemon
        os.kill(_itself(daemon), signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(2 * STOPS_WITHIN) == 0
        assert time.monotonic() - began < STOPS_WITHIN
    finally:
        process.kill()
        process.wait()


def _itself(daemon: Daemon) -> int:
    """The first of the family that is no bubblewrap."""
    for pid in daemon.family():
        if b"bwrap" not in Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]:
            return pid
    raise AssertionError("the daemon is gone")


def built_by_us(bot: Bot, town: Town, group: Group) -> Package:
    """A project without a job that makes files, whose rule says `source: build`."""
    package = town.package(group, files={}, ci="check: {rules: [{if: $CI_COMMIT_TAG}], script: ['true']}\n")
    files = {"pyproject.toml": PYPROJECT.format(name=package.name), "README.md": "# It\n"}
    package.commit({**files, f"{package.name}.py": '"""It."""\n'})
    rule = bot.config["releases"][0]
    bot.config["releases"] = [rule | {"projects": [package.project.full_path], "source": "build"}, rule]
    bot.config["build"] = {"wheelhouse": str(wheelhouse()), "time": "60s", "memory": "512MiB", "disk": "128MiB"}
    return package


def asked(bot: Bot) -> int:
    """What the image's health check says of it."""
    (words,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    _, *check = json.loads(words.replace("8930", str(bot.port)))
    return subprocess.run([sys.executable, *check], stderr=subprocess.DEVNULL, check=False).returncode


def test_it_publishes_from_where_it_can_write_to_its_state_alone(bot: Bot, town: Town, group: Group) -> None:
    """In the image there is no bubblewrap, and the unit lets nobody make namespaces: a build is refused with that."""
    package, other = town.package(group), built_by_us(bot, town, group)
    bare = str(Path(sys.executable).parent)
    with shut_in(bot, [UNIT], bare):
        assert asked(bot) == 0
        package.tag()
        other.tag()
        told = {one.project: one for one in bot.ended(package.project.full_path, other.project.full_path)}
    assert asked(bot) != 0
    assert told[package.project.full_path].state is ReleaseState.PUBLISHED, told[package.project.full_path].next
    package.complete()
    refused = told[other.project.full_path]
    assert refused.state is ReleaseState.FAILED
    assert "bubblewrap is not installed" in str(refused.next)
    other.untouched()


def test_it_builds_where_the_unit_is_opened_for_it(bot: Bot, town: Town, group: Group) -> None:
    """With the drop-in for builds: bubblewrap's fence stands within the unit's walls."""
    package = built_by_us(bot, town, group)
    with shut_in(bot, [UNIT, BUILDS], f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"):
        package.tag()
        (told,) = bot.ended(package.project.full_path)
    assert told.state is ReleaseState.PUBLISHED, told.next
    package.complete()
