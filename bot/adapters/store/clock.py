"""The clock of processes that share a state: the database's, so that a moment that one writes down is due for all.

Machines' own clocks need not agree, and one that is an hour wrong would put every release off that it had in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

SLOW = 1.0  # seconds; an answer that took longer tells too little of when it was given


def steady() -> float:
    """Seconds of this machine's life, those that it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SharedClock:
    """The time as the database told it last, and what has passed since by the machine's steady clock.

    Call it for the time, UTC. Safe to use from several threads.
    """

    def __init__(self, look: Callable[[], datetime], seconds: Callable[[], float] = steady) -> None:
        """`look` asks the database. Raises what that raises."""
        self._look, self._seconds = look, seconds
        self._told, _ = self._ask()

    def __call__(self) -> datetime:
        """Now."""
        moment, since = self._told
        return moment + timedelta(seconds=self._seconds() - since)

    def set(self) -> None:
        """Ask anew. Raises what asking raises; then it goes on as before."""
        told, took = self._ask()
        if took <= SLOW:
            self._told = told

    def _ask(self) -> tuple[tuple[datetime, float], float]:
        """A moment with when it was by the steady clock, and how many seconds the answer took."""
        before = self._seconds()
        moment = self._look()
        after = self._seconds()
        return (moment, (before + after) / 2), after - before
