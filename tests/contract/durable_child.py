"""A process with a durable runner that dies in the middle of its first turn, as by kill -9. See test_durable_file."""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.releases import Release
from bot.engine.runner import Runner


def main(state: Path, engine: Path) -> None:
    """Run due turns of `state` until one begins."""

    def die(release: Release) -> Release:
        os.kill(os.getpid(), signal.SIGKILL)
        return release

    store = Store(open_state(state), str)
    runner = Runner(queue=store.releases, turn=die, clock=lambda: datetime.now(UTC), workers=2, path=engine)
    runner.start()
    thread = threading.Thread(target=runner.run)
    thread.start()
    thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
