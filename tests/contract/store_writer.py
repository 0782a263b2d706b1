"""A process of its own that works on a state file: `python -m tests.contract.store_writer FILE WHO COUNT`.

It takes in releases, writes evidence, wakes and finishes turns, and prints how many turns it ended.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.releases import AttemptOutcome
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON, attempt

SHARED = planned(1, "v1")


def work(path: Path, who: int, count: int) -> int:
    """Write `count` times; returns how many turns of the shared release this process ended."""
    store = Store(open_state(path), str)
    ended = 0
    for number in range(count):
        store.releases.add(SHARED)
        row = store.releases.release(SHARED.key)
        assert row is not None
        store.releases.wake(SHARED.key, NOON + timedelta(seconds=number))
        ended += store.releases.finish(replace(row, updated_at=NOON, due_at=NOON), wake_seen=row.wake)
        mine = f"{who}/{number}"
        store.releases.add(planned(who, f"v{number}"))
        store.ledger.attempt(mine, attempt(AttemptOutcome.CLAIMED))
        store.ledger.attempt(mine, attempt(AttemptOutcome.ACCEPTED))
        store.kept.own("contested", who)
    store.close()
    return ended


if __name__ == "__main__":
    sys.stdout.write(f"{work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))}\n")
