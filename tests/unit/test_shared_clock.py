"""The clock that processes on one database share: its time, counted on by a machine's steady clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.adapters.store.clock import SLOW, SharedClock
from bot.domain.errors import TransientError
from tests.unit.release_facts import NOON

SECOND = timedelta(seconds=1)


class Machine:
    """Seconds of its life, and a database that answers after `takes` of them, or not at all."""

    def __init__(self) -> None:
        self.seconds, self.takes, self.there = 500.0, 0.0, True
        self.database = NOON

    def look(self) -> datetime:
        """Halfway through the wait for the answer the database reads its clock."""
        if not self.there:
            raise TransientError(what="is away", where="the state's database")
        self.seconds += self.takes
        return self.database + timedelta(seconds=self.takes / 2)

    def passes(self, seconds: float) -> None:
        """Time passes for both."""
        self.seconds += seconds
        self.database += seconds * SECOND


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_is_the_database_time_and_goes_on_by_itself(machine: Machine) -> None:
    machine.takes = 0.4
    clock = SharedClock(machine.look, lambda: machine.seconds)
    assert clock() == NOON + 0.4 * SECOND
    machine.passes(90)
    assert clock() == NOON + 90.4 * SECOND


def test_what_the_machine_slept_or_the_database_was_set_by_is_made_good(machine: Machine) -> None:
    clock = SharedClock(machine.look, lambda: machine.seconds)
    machine.database += timedelta(hours=1)
    assert clock() == NOON
    clock.set()
    assert clock() == NOON + timedelta(hours=1)


def test_a_slow_answer_or_none_changes_nothing(machine: Machine) -> None:
    """Who was frozen meanwhile would set it wrong by half of that."""
    clock = SharedClock(machine.look, lambda: machine.seconds)
    machine.takes = SLOW + 20
    clock.set()
    assert clock() == NOON + (SLOW + 20) * SECOND
    machine.there = False
    with pytest.raises(TransientError):
        clock.set()
    assert clock() == NOON + (SLOW + 20) * SECOND
