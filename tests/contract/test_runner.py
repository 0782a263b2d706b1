"""The end of a turn: the row is written once, a fault of ours is counted, and no wake-up is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import TransientError
from bot.domain.releases import Release, ReleaseState
from bot.engine.local import FAULT_DELAY, MOST_FAULTS, end_turn
from tests.contract.turn_bench import planned
from tests.fake_store import FakeReleaseRows
from tests.fakes import Clock
from tests.unit.release_facts import NOON


def poison(release: Release) -> Release:
    """A turn with a fault of ours."""
    raise ValueError("a fault of ours")


def test_a_release_that_always_faults_is_given_up_after_longer_and_longer_pauses() -> None:
    rows, clock = FakeReleaseRows(planned(1, "poison")), Clock(NOON)
    for fault in range(1, MOST_FAULTS + 1):
        (due,) = rows.due(clock.now, limit=10)
        end_turn(rows, rows.rows[due.key], poison, clock)
        row = rows.rows[due.key]
        assert row.faults == fault
        if fault < MOST_FAULTS:
            assert row.due_at is not None
            assert row.due_at - clock.now <= FAULT_DELAY * fault
            assert row.due_at - clock.now > FAULT_DELAY * fault - timedelta(seconds=1)
            clock.wait(FAULT_DELAY * fault)
    assert (row.state, row.due_at) == (ReleaseState.FAILED, None)
    assert row.next == "fault in the bot (ValueError), see its log; resume once it is mended"


def test_a_state_that_is_away_while_a_turn_reads_it_is_no_fault_however_often() -> None:
    rows, clock = FakeReleaseRows(planned(1, "v1")), Clock(NOON)

    def away(release: Release) -> Release:
        raise TransientError(what="the server closed the connection", where="the state's database")

    for _ in range(2 * MOST_FAULTS):
        (due,) = rows.due(clock.now, limit=10)
        end_turn(rows, rows.rows[due.key], away, clock)
        clock.wait(FAULT_DELAY)
    row = rows.rows[due.key]
    assert (row.state, row.faults) == (ReleaseState.PLANNED, 0)
    assert "the server closed the connection" in (row.next or "")


def test_a_wake_up_during_a_turn_is_not_lost() -> None:
    rows, clock = FakeReleaseRows(planned(1, "v1")), Clock(NOON)

    def turn(release: Release) -> Release:
        assert rows.wake(release.key, clock())
        now = clock()
        return replace(release, state=ReleaseState.WAITING, updated_at=now, due_at=now + timedelta(hours=1))

    end_turn(rows, rows.rows[planned(1, "v1").key], turn, clock)
    assert rows.due(clock.now, limit=1) != ()


def test_a_turn_that_somebody_else_ended_is_not_written_over() -> None:
    rows, clock = FakeReleaseRows(planned(1, "v1")), Clock(NOON)
    release = rows.rows[planned(1, "v1").key]

    def turn(mine: Release) -> Release:
        assert rows.finish(replace(mine, state=ReleaseState.PUBLISHED, due_at=None), wake_seen=0)
        return replace(mine, state=ReleaseState.FAILED)

    end_turn(rows, release, turn, clock)
    assert rows.rows[release.key].state is ReleaseState.PUBLISHED
