"""The promises of bot.ports.store.HookRecords, held by the fake and by SQLite on a real file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.adapters.store.store import Store
from bot.domain.hooks import HookPlace, HookRecord, PlaceKind
from bot.ports.store import HookRecords
from tests.fake_hooks import FakeHookRecords
from tests.unit.release_facts import NOON

GROUP = HookPlace(kind=PlaceKind.GROUP, key="12", path="12")
PROJECT = HookPlace(kind=PlaceKind.PROJECT, key="12", path="acme/widget")
RECORD = HookRecord(hook_id=7, fingerprint="f" * 64, looked_at=NOON)


@pytest.fixture(params=["fake", "sqlite"])
def records(request: pytest.FixtureRequest, store: Store) -> HookRecords:
    return FakeHookRecords() if request.param == "fake" else store.hooks


def test_the_last_word_on_a_place_is_kept(records: HookRecords) -> None:
    """A group and a project of one number are two places; a place may have no hook."""
    assert records.records() == {}
    records.keep(GROUP, RECORD)
    records.keep(PROJECT, RECORD)
    without = HookRecord(hook_id=None, fingerprint="", looked_at=NOON + timedelta(hours=1))
    records.keep(PROJECT, without)
    assert records.records() == {GROUP.name: RECORD, PROJECT.name: without}


def test_what_was_taken_when_asked_for_again_is_known_for_a_week(records: HookRecords) -> None:
    """Those of many keys that were taken; noting one twice is once."""
    keys = [f"key {number}" for number in range(1200)]
    assert records.resent(keys) == frozenset()
    for key in (keys[3], keys[1100], keys[3]):
        records.note_resent(key, NOON)
    assert records.resent(keys) == {keys[3], keys[1100]}
    assert records.resent([]) == frozenset()
    records.note_resent("new", NOON + timedelta(days=8))
    assert records.resent([*keys, "new"]) == {"new"}
