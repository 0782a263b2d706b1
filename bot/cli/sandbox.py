"""`ropewalk sandbox`: the embedded GitLab alone."""

from __future__ import annotations

import gc
import json
import re
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.domain.errors import ConfigError

if TYPE_CHECKING:
    from bot.sandbox.world import World

PROJECTS_LIMIT = 100_000
PORT_LIMIT = 65_535
_LATENCY = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_SECONDS = {"ms": 0.001, "s": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for. `latency` is still text; `projects`, when there, replaces `world`."""

    port: int
    world: str
    projects: int | None
    latency: str
    seed: int | None
    object_storage: bool = False

    def listening_port(self) -> int:
        """The port. Raises: ConfigError."""
        if not 0 <= self.port <= PORT_LIMIT:
            what = f"{self.port} is no port"
            raise ConfigError(
                what=what, where="--port", remedy=f"Choose one from 1 to {PORT_LIMIT}, or 0 for a free one"
            )
        return self.port

    def latency_seconds(self) -> float:
        """The latency. Raises: ConfigError."""
        found = _LATENCY.fullmatch(self.latency)
        if found is None:
            what = f"{self.latency!r} is no duration"
            raise ConfigError(what=what, where="--latency", remedy="Write it as 50ms or 1.5s")
        return float(found[1]) * _SECONDS[found[2]]

    def build(self, world: World) -> None:
        """Fill an empty world. Raises: ConfigError."""
        from bot.sandbox.worlds import WORLDS, large

        if self.projects is not None:
            if not 1 <= self.projects <= PROJECTS_LIMIT:
                what, remedy = f"{self.projects} projects cannot be made", f"Ask for 1 to {PROJECTS_LIMIT}"
                raise ConfigError(what=what, where="--projects", remedy=remedy)
            large.build(world, self.projects, self.seed)
            return
        if self.world not in WORLDS:
            what = f"there is no world {self.world!r}"
            raise ConfigError(what=what, where="--world", remedy=f"Choose one of {', '.join(sorted(WORLDS))}")
        WORLDS[self.world](world)


def require_extra() -> None:
    """Raises: ConfigError, if the sandbox's libraries or git are not installed."""
    if shutil.which("git") is None:
        raise ConfigError(what="the embedded GitLab needs git, which is not on PATH", where="git", remedy="Install it")
    try:
        import bot.sandbox.index
        import bot.sandbox.server  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            what=f"the embedded GitLab needs {error.name}, which is not installed",
            where="ropewalk[sandbox]",
            remedy="Install the extra: pip install 'ropewalk[sandbox]'",
        ) from None


def sandbox(options: Options, order: Order) -> Exit:
    """Serve until interrupted; says first where and with which tokens."""
    require_extra()
    from bot.sandbox.index import running_index
    from bot.sandbox.server import AddressError, running
    from bot.sandbox.world import World

    latency, port = order.latency_seconds(), order.listening_port()
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with tempfile.TemporaryDirectory(prefix="ropewalk-sandbox-") as folder:
        place = Path(folder)
        built = World(place, seed=order.seed)
        order.build(built)
        # the world lives as long as the process: the collector need not walk it again and again
        gc.collect()
        gc.freeze()
        try:
            with (
                running_index(place / "index", built.secret()) as index,
                running(built, port=port, index=index, latency_seconds=latency) as gitlab,
            ):
                if order.object_storage:
                    gitlab.storage.on()
                _introduce(options, gitlab.state())
                stop.wait()
        except AddressError as error:
            raise ConfigError(what=str(error), where="--port") from None
    return Exit.DONE


def _introduce(options: Options, state: dict[str, object]) -> None:
    """Say where everything is. The tokens are the sandbox's own and open nothing else, so they are shown."""
    if options.format is Format.JSON:
        print(json.dumps(state), flush=True)
        return
    print(f"GitLab   {state['url']}")
    print(f"control  {state['url']}/-/sandbox/  X-Sandbox-Token: {state['control_token']}")
    print(f"sign-in  {state['url']}/users/sign_in  everybody's password: {state['password']}")
    index = state["index"]
    if isinstance(index, dict):
        print(f"index    {index['simple_url']}  upload {index['upload_url']} as {index['username']}:{index['token']}")
    tokens = state["tokens"]
    assert isinstance(tokens, list)
    for token in tokens:
        print(f"token    {token['user']:<10} {token['name']:<14} {','.join(token['scopes']):<40} {token['token']}")
    print("Stop it with Ctrl-C.", flush=True)
