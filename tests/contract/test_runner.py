"""The in-process runner: who gets a turn when, and what one release's fault does to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.releases import Release, ReleaseState
from bot.engine.local import FAULT_DELAY, MOST_FAULTS, Runner, end_turn
from tests.contract.turn_bench import planned
from tests.fake_store import FakeReleaseRows
from tests.fakes import Clock
from tests.unit.release_facts import NOON

LONG = 10.0  # seconds that nothing here should take


class Turns:
    """A turn that publishes, once its gate is open; keeps count of who is at work."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.lock = threading.Condition()
        self.begun: list[str] = []
        self.at_work: list[Release] = []
        self.most_at_once = 0
        self.overlaps: list[str] = []

    def __call__(self, release: Release) -> Release:
        with self.lock:
            if any(other.id.project_id == release.id.project_id for other in self.at_work):
                self.overlaps.append(release.key)
            self.at_work.append(release)
            self.begun.append(release.key)
            self.most_at_once = max(self.most_at_once, len(self.at_work))
            self.lock.notify_all()
        assert self.gate.wait(LONG)
        with self.lock:
            self.at_work.remove(release)
        if "poison" in release.id.ref:
            raise ValueError("a fault of ours")
        return replace(release, state=ReleaseState.PUBLISHED, due_at=None)

    def wait_for(self, count: int) -> None:
        """Until so many turns have begun."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.begun) >= count, LONG), self.begun


class Rows(FakeReleaseRows):
    """Rows that several threads may use, that tell when one was finished, and can fail to be written."""

    def __init__(self, *releases: Release) -> None:
        super().__init__(*releases)
        self.changed = threading.Condition()
        self.full = False

    def due(self, now: datetime, limit: int) -> tuple[Release, ...]:
        with self.changed:
            return super().due(now, limit)

    def add(self, release: Release) -> bool:
        with self.changed:
            return super().add(release)

    def finish(self, release: Release, wake_seen: int) -> bool:
        with self.changed:
            try:
                if self.full:
                    raise OSError("disk full")
                return super().finish(release, wake_seen)
            finally:
                self.changed.notify_all()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Until the rows are as wanted."""
        with self.changed:
            assert self.changed.wait_for(holds, LONG), self.rows


@contextmanager
def running(rows: Rows, turns: Turns, *, workers: int = 4) -> Iterator[Runner]:
    """A runner at work; stopped and waited for at the end."""
    runner = Runner(queue=rows, turn=turns, clock=Clock(NOON), workers=workers)
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield runner
    finally:
        turns.gate.set()
        runner.stop(LONG)
        thread.join(LONG)
        assert not thread.is_alive()


def states(rows: Rows) -> dict[str, ReleaseState]:
    return {row.id.ref: row.state for row in rows.rows.values()}


def test_due_releases_get_their_turns_and_others_do_not() -> None:
    later = planned(3, "v3", due_at=NOON + timedelta(hours=1))
    rows = Rows(planned(1, "v1"), planned(2, "v2"), later, planned(4, "v4", due_at=None))
    turns = Turns()
    turns.gate.set()
    with running(rows, turns):
        rows.wait_until(lambda: list(states(rows).values()).count(ReleaseState.PUBLISHED) == 2)
    assert sorted(key.split("@")[0] for key in turns.begun) == ["1/v1", "2/v2"]


def test_a_project_has_one_turn_at_a_time_and_projects_run_side_by_side() -> None:
    rows = Rows(*(planned(project, f"v{n}") for project in (1, 2, 3) for n in range(4)))
    turns = Turns()
    with running(rows, turns):
        turns.wait_for(3)
        assert {release.id.project_id for release in turns.at_work} == {1, 2, 3}
        turns.gate.set()
        rows.wait_until(lambda: set(states(rows).values()) == {ReleaseState.PUBLISHED})
    assert turns.overlaps == []
    assert turns.most_at_once == 3


def test_no_more_turns_run_than_there_are_workers() -> None:
    rows = Rows(*(planned(project) for project in range(1, 9)))
    turns = Turns()
    runner = Runner(queue=rows, turn=turns, clock=Clock(NOON), workers=2)
    assert [runner.run_due(), runner.run_due()] == [2, 0]
    turns.wait_for(2)
    assert len(turns.begun) == 2
    turns.gate.set()
    assert runner.stop(LONG)


def test_a_project_with_many_due_tags_does_not_hold_up_the_others() -> None:
    backlog = [planned(1, f"v{n}", due_at=NOON - timedelta(hours=1)) for n in range(200)]
    rows, turns = Rows(*backlog, planned(2, "urgent")), Turns()
    runner = Runner(queue=rows, turn=turns, clock=Clock(NOON), workers=2)
    try:
        assert runner.run_due() == 2
        turns.wait_for(2)
        assert {release.id.project_id for release in turns.at_work} == {1, 2}
    finally:
        turns.gate.set()
        assert runner.stop(LONG)


def test_the_longest_overdue_release_of_a_project_comes_first() -> None:
    rows = Rows(planned(1, "young"), planned(1, "old", due_at=NOON - timedelta(hours=1)))
    turns = Turns()
    turns.gate.set()
    with running(rows, turns):
        turns.wait_for(2)
    assert [key.split("@")[0] for key in turns.begun] == ["1/old", "1/young"]


def test_a_fault_in_one_release_does_not_stop_the_others() -> None:
    rows = Rows(
        planned(1, "poison"), planned(2, "good"), planned(1, "good-too", due_at=NOON + timedelta(milliseconds=1))
    )
    turns = Turns()
    turns.gate.set()
    with running(rows, turns):
        rows.wait_until(lambda: list(states(rows).values()).count(ReleaseState.PUBLISHED) == 2)
    faulty = rows.rows[planned(1, "poison").key]
    assert (faulty.state, faulty.faults, faulty.turn) == (ReleaseState.PLANNED, 1, 1)
    assert faulty.next == "fault in the bot (ValueError), see its log"


def test_a_release_that_always_faults_is_given_up_after_longer_and_longer_pauses() -> None:
    rows, clock = FakeReleaseRows(planned(1, "poison")), Clock(NOON)
    turns = Turns()
    turns.gate.set()
    for fault in range(1, MOST_FAULTS + 1):
        (due,) = rows.due(clock.now, limit=10)
        end_turn(rows, due, turns, clock)
        row = rows.rows[due.key]
        assert row.faults == fault
        if fault < MOST_FAULTS:
            assert row.due_at is not None
            assert row.due_at - clock.now <= FAULT_DELAY * fault
            assert row.due_at - clock.now > FAULT_DELAY * fault - timedelta(seconds=1)
            clock.wait(FAULT_DELAY * fault)
    assert (row.state, row.due_at) == (ReleaseState.FAILED, None)
    assert row.next == "fault in the bot (ValueError), see its log; resume once it is mended"


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


def test_a_row_that_cannot_be_written_stays_due_and_is_tried_again() -> None:
    rows, turns = Rows(planned(1, "v1")), Turns()
    turns.gate.set()
    rows.full = True
    with running(rows, turns):
        turns.wait_for(2)
        with rows.changed:
            rows.full = False
        rows.wait_until(lambda: states(rows) == {"v1": ReleaseState.PUBLISHED})


def test_a_wake_up_starts_a_turn_without_waiting_for_the_next_look() -> None:
    rows, turns = Rows(), Turns()
    turns.gate.set()
    with running(rows, turns) as runner:
        for number in range(20):
            rows.add(planned(number, "v1"))
            runner.wake()
            turns.wait_for(number + 1)


@pytest.mark.parametrize("finishes", [True, False])
def test_stop_starts_no_more_turns_and_says_whether_those_at_work_ended(finishes: bool) -> None:
    rows, turns = Rows(planned(1, "v1"), planned(1, "v2", due_at=NOON + timedelta(milliseconds=1))), Turns()
    runner = Runner(queue=rows, turn=turns, clock=Clock(NOON), workers=4)
    assert runner.run_due() == 1
    turns.wait_for(1)
    if finishes:
        turns.gate.set()
    assert runner.stop(LONG if finishes else 0.1) is finishes
    turns.gate.set()
    rows.wait_until(lambda: states(rows)["v1"] is ReleaseState.PUBLISHED)
    assert runner.run_due() == 0
    assert states(rows)["v2"] is ReleaseState.PLANNED


def test_the_heartbeat_is_the_time_of_the_last_look() -> None:
    runner = Runner(queue=Rows(), turn=Turns(), clock=Clock(NOON), workers=1)
    beats = [runner.heartbeat]
    for _ in range(2):
        runner.run_due()
        beats.append(runner.heartbeat)
    runner.stop(LONG)
    assert beats == [None, NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)]
