"""A replica that dies in the middle of its first turn, as by kill -9. See test_shared_engine."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from bot.adapters.store.postgres import shared_engine
from bot.engine.durable import Engine, Shared


def main() -> None:
    """Take turns off the queues of the database that standard input names."""
    conninfo = json.load(sys.stdin)

    def die(key: str, number: int) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return f"{key} {number}"

    place = Shared(pool=lambda size: shared_engine(conninfo, pool=size), executor="the dead", shown="the database")
    engine = Engine(place, turn=die, slot=lambda job: job, workers=1)
    engine.launch()
    engine.ask(1, "a release", 0)
    threading.Event().wait(60)


if __name__ == "__main__":
    main()
