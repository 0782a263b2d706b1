"""Processes that share one state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

TTL = timedelta(seconds=30)  # without a sign of life for so long a process counts as dead
BEAT_EVERY = timedelta(seconds=5)
APART = timedelta(seconds=5)  # what the clocks of two processes on one state may differ by
ADOPT_EVERY = timedelta(seconds=7)  # so what a dead process left goes on within 40 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process. `id` is its own for its whole life, `work` the version of the work it takes, `scope` the mark of
    what it watches and releases (empty for one that does not tell).

    `started_at`, `beat_at` (its last sign of life) and `alive` are as the database sees it.
    """

    id: str
    host: str
    pid: int
    version: str
    work: str
    started_at: datetime | None = None
    beat_at: datetime | None = None
    alive: bool = True
    scope: str = ""


def apart(members: Iterable[Replica]) -> tuple[Replica, ...]:
    """Those that live, if they do not all watch and release the same; else none. Who does not tell is not counted."""
    living = tuple(one for one in members if one.alive and one.scope)
    return living if len({one.scope for one in living}) > 1 else ()
