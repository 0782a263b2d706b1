"""A replica that sends one kept file, as a process of its own, so that a test can freeze and kill it.

Reads what it needs from standard input as JSON. Prints its fork server's process id when it has begun.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from bot.adapters.index.children import Children
from bot.adapters.index.leases import Leases
from bot.adapters.store.database import Database
from bot.adapters.store.postgres import shared_engine
from bot.adapters.store.sendings import SharedSendings
from tests.contract.index_parts import QUICK, bare_distribution, make_adapter, simple_spec


def main() -> None:
    """Send and print how it ended."""
    told = json.loads(sys.stdin.readline())
    children = Children()
    sendings = SharedSendings(Database(shared_engine(told["conninfo"])))
    leases = Leases(sendings=sendings, settling=told["settling"])
    patience = replace(QUICK, upload=told["upload"], silence=60)
    adapter = make_adapter(Path(told["state"]), children, leases=leases, patience=patience)
    adapter.start()
    sendings.under_way("nothing")  # connects, so that a test need not wait for it
    print(children.server_pid, flush=True)
    distribution = replace(bare_distribution(told["filename"], b""), sha256=told["sha256"], size=told["size"])
    print(adapter.send(adapter.place(simple_spec(told["url"]), 1, "widget"), distribution), flush=True)


if __name__ == "__main__":
    main()
