"""What a daemon wrote down of itself, as another process reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from bot.adapters.store import schema
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.readings import SharedBudgetReading
from tests.contract.turn_bench import planned
from tests.unit.readings_made import READING
from tests.unit.release_facts import NOON


def test_a_reading_comes_back_as_it_was_and_only_the_last_is_kept(store: Store) -> None:
    readings = SqliteReadings(store.database)
    assert readings.last() is None
    shared = SharedBudgetReading(processes=2, away=True, trades=3, failures=1)
    among = replace(READING, budget=replace(READING.budget, shared=shared))
    for reading in (READING, among, replace(READING, at=NOON + timedelta(seconds=10), stopped=True, polled_at=None)):
        readings.keep(reading)
        assert SqliteReadings(store.database).last() == reading
    with store.engine.begin() as connection:
        assert len(connection.execute(schema.readings.select()).all()) == 1


def test_a_reading_of_another_shape_is_none(store: Store) -> None:
    """A newer version beside an older one: it is no reason to fail."""
    readings = SqliteReadings(store.database)
    readings.keep(READING)
    shapes: tuple[object, ...] = ({}, [], {"version": "9", "budget": {}}, "text", None)
    for odd in shapes:
        with store.engine.begin() as connection:
            connection.execute(update(schema.readings).values(reading=odd))
        assert readings.last() is None


def test_releases_are_counted_by_state_and_those_due(store: Store) -> None:
    readings = SqliteReadings(store.database)
    assert (readings.states(), readings.due(NOON)) == ({}, 0)
    for number in range(4):
        store.releases.add(planned(number, due_at=NOON + number * timedelta(seconds=1)))
    assert readings.states() == {"planned": 4}
    assert [readings.due(NOON + after * timedelta(seconds=1)) for after in (-1, 0, 1, 9)] == [0, 1, 2, 4]
