"""`ropewalk sandbox`: the embedded GitLab alone."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
from pathlib import Path
from types import FrameType

from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.domain.errors import ConfigError


def require_extra() -> None:
    """Raises: ConfigError, if the sandbox's libraries are not installed."""
    try:
        import bot.sandbox.index
        import bot.sandbox.server  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            what=f"the embedded GitLab needs {error.name}, which is not installed",
            where="ropewalk[sandbox]",
            remedy="Install the extra: pip install 'ropewalk[sandbox]'",
        ) from None


def sandbox(options: Options, *, port: int, world: str, seed: int | None) -> Exit:
    """Serve until interrupted; says first where and with which tokens."""
    require_extra()
    from bot.sandbox.index import running_index
    from bot.sandbox.server import AddressError, running
    from bot.sandbox.world import World
    from bot.sandbox.worlds import WORLDS

    if world not in WORLDS:
        what = f"there is no world {world!r}"
        raise ConfigError(what=what, where="--world", remedy=f"Choose one of {', '.join(sorted(WORLDS))}")
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with tempfile.TemporaryDirectory(prefix="ropewalk-sandbox-") as folder:
        place = Path(folder)
        built = World(place, seed=seed)
        WORLDS[world](built)
        try:
            with (
                running_index(place / "index", built.secret()) as index,
                running(built, port=port, index=index) as gitlab,
            ):
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
    index = state["index"]
    if isinstance(index, dict):
        print(f"index    {index['simple_url']}  upload {index['upload_url']} as {index['username']}:{index['token']}")
    tokens = state["tokens"]
    assert isinstance(tokens, list)
    for token in tokens:
        print(f"token    {token['user']:<10} {token['name']:<14} {','.join(token['scopes']):<40} {token['token']}")
    print("Stop it with Ctrl-C.", flush=True)
