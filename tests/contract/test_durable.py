"""The durable runner: who gets a turn when, what a slot is, and what stopping means."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.adapters.store.store import Store
from bot.domain.errors import TransientError
from bot.domain.releases import Release, ReleaseState
from bot.engine.durable import LOST_AFTER, Engine, Fate
from bot.engine.runner import Runner
from tests.contract.durable_bench import LONG, PUBLISHED, Now, Turns, add, due, published, running, sql, states
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON
from tests.waiting import until


@pytest.mark.slow
def test_a_project_has_one_turn_at_a_time_and_no_more_run_than_there_are_workers(store: Store, file: Path) -> None:
    add(store, *(due(project, f"v{project}.{n}") for project in range(1, 6) for n in range(3)))
    add(store, planned(9, "later", due_at=datetime.now(UTC) + timedelta(hours=1)), planned(8, "rests", due_at=None))
    turns = Turns(gate=False)
    with running(store, file, turns, workers=3):
        turns.wait_for(3)
        turns.gate.set()
        until(published(store, 15))
    assert turns.overlaps == []
    assert turns.most_at_once == 3
    assert {"later", "rests"}.isdisjoint(turns.begun)


def test_a_project_with_many_due_tags_does_not_hold_up_the_others(store: Store, file: Path) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    add(store, *(planned(1, f"v{n}", due_at=old) for n in range(120)), due(2, "urgent"))
    turns = Turns(gate=False)
    runner = Runner(queue=store.releases, turn=turns, clock=Now(), workers=2, path=file)
    runner.start()
    assert runner.run_due() == 2
    turns.wait_for(2)
    assert "urgent" in turns.begun
    turns.gate.set()
    assert runner.stop(LONG)


def test_a_store_that_fails_for_a_while_stops_nothing_and_shows_in_the_heartbeat(store: Store, file: Path) -> None:
    add(store, due(1, "good"))
    failed = threading.Event()

    def clock() -> datetime:
        failed.set()
        return datetime.now(UTC)

    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE releases RENAME TO away")
    with running(store, file, Turns(), clock=clock) as runner:
        assert failed.wait(LONG)
        assert runner.heartbeat is None
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO releases")
        until(published(store, 1))
        assert runner.heartbeat is not None


@pytest.mark.slow
def test_what_passes_by_itself_is_told_in_one_line_and_tried_again(store: Store, file: Path) -> None:
    """A database that restarts is no fault of ours: no traceback, wherever it is met."""
    add(store, due(1, "good"))
    met: list[int] = []

    def clock() -> datetime:
        if threading.get_ident() not in met and len(met) < 2:  # once where turns are asked for, once where one begins
            met.append(threading.get_ident())
            raise TransientError(what="the server closed the connection", where="the state's database")
        return datetime.now(UTC)

    def job() -> None:
        raise TransientError(what="the server closed the connection", where="the state's database")

    with capture_logs() as said, running(store, file, Turns(), clock=clock, jobs={"poll": job}) as runner:
        until(published(store, 1))
        assert runner.slot("poll", NOON)
        until(lambda: any(one["event"] == "job.put_off" for one in said))
    told = [one for one in said if one["log_level"] in ("warning", "error")]
    assert [one["event"] for one in told] == ["engine.put_off", "turn.unwritten", "job.put_off"]
    assert all("closed the connection" in one["reason"] and "exc_info" not in one for one in told)


@pytest.mark.slow
def test_a_fault_is_counted_and_leaves_others_alone_and_no_word_of_it_in_the_engines_file(
    store: Store, file: Path
) -> None:
    add(store, due(1, "poison"), due(2, "good"))
    with running(store, file, Turns()):
        until(lambda: states(store)["good"] is PUBLISHED and bool(store.releases.releases("1")[0].faults))
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status = 'PENDING'") == [])
    (faulty,) = store.releases.releases("1")
    assert (faulty.state, faulty.faults, faulty.turn) == (ReleaseState.PLANNED, 1, 1)
    assert b"glpat" not in file.read_bytes()
    assert sql(file, "SELECT DISTINCT serialization FROM workflow_status") == [("ropewalk_json",)]
    inputs = sql(file, "SELECT inputs FROM workflow_input WHERE workflow_uuid LIKE 'turn:2/%'")
    assert inputs == [(f'{{"args": ["{due(2, "good").key}", 0], "kwargs": {{}}}}',)]
    assert sql(file, "SELECT DISTINCT output FROM workflow_output ORDER BY 1") == [('"planned"',), ('"published"',)]


def test_a_wake_up_during_a_turn_is_not_lost(store: Store, file: Path) -> None:
    add(store, due(1))
    seen: list[int] = []

    def turn(release: Release) -> Release:
        seen.append(release.turn)
        now = datetime.now(UTC)
        if release.turn == 0:
            assert store.releases.wake(release.key, now)
            return replace(release, state=ReleaseState.WAITING, updated_at=now, due_at=now + timedelta(hours=1))
        return replace(release, state=PUBLISHED, updated_at=now, due_at=None)

    with running(store, file, turn):
        until(published(store, 1))
    assert seen == [0, 1]


def test_what_is_not_asked_for_any_more_gets_no_turn(store: Store, file: Path) -> None:
    """Cancel and hold act on the row: a turn already in the queue then does nothing."""
    add(store, due(1, "first"), due(2, "second"))
    turns = Turns(gate=False)
    with running(store, file, turns, workers=1):
        turns.wait_for(1)
        until(lambda: len(sql(file, "SELECT 1 FROM workflow_status WHERE status = 'ENQUEUED'")) == 1)
        (other,) = {"first", "second"} - set(turns.begun)
        sql(Path(str(store.engine.url.database)), "UPDATE releases SET due_at = NULL WHERE ref = ?", other)
        turns.gate.set()
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')") == [])
    assert len(turns.begun) == 1


def test_of_a_release_that_was_stopped_while_its_process_died_the_next_one_hears(store: Store, file: Path) -> None:
    """What the dead one left without an outcome is noted though no turn will come."""
    heard: list[str] = []
    add(store, due(1, "stopped"), due(2, "waiting"))
    for project in (1, 2):
        (release,) = store.releases.releases(str(project))
        due_at = None if project == 1 else datetime.now(UTC) + timedelta(hours=1)
        stopped = replace(release, state=ReleaseState.BLOCKED, due_at=due_at)
        assert store.releases.stop(stopped, datetime.now(UTC))
    runner = Runner(
        queue=store.releases,
        turn=Turns(),
        clock=Now(),
        workers=2,
        path=file,
        stopped=lambda one: heard.append(one.id.ref),
    )
    runner.start()
    for project, ref in ((1, "stopped"), (2, "waiting")):  # as what a killed process had begun comes at the next start
        runner._engine.ask(project, due(project, ref).key, 0)
    until(lambda: len(sql(file, "SELECT 1 FROM workflow_status WHERE status = 'SUCCESS'")) == 2)
    assert heard == ["stopped"]
    assert runner.stop(LONG)


def test_a_turn_whose_row_could_not_be_written_is_done_again(store: Store, file: Path) -> None:
    add(store, due(1))
    state = Path(str(store.engine.url.database))
    sql(state, "CREATE TRIGGER full BEFORE UPDATE ON releases BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    turns = Turns()
    with running(store, file, turns):
        turns.wait_for(2)
        sql(state, "DROP TRIGGER full")
        until(published(store, 1))
    assert store.releases.releases()[0].turn == 1


def test_a_turn_asked_for_twice_is_one_turn(file: Path) -> None:
    begun: list[tuple[str, int]] = []
    held = threading.Event()

    def turn(key: str, number: int) -> str:
        begun.append((key, number))
        assert held.wait(LONG)
        return "done"

    engine = Engine(file, turn=turn, slot=lambda job: "", workers=2)
    engine.launch()
    try:
        assert [engine.ask(1, "1/v1@a", 0) for _ in range(3)] == [Fate.ASKED, Fate.UNDER_WAY, Fate.UNDER_WAY]
        until(lambda: begun != [])
        assert engine.ask(1, "1/v1@a", 0) is Fate.UNDER_WAY
        held.set()
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status = 'SUCCESS'") != [])
    finally:
        held.set()
        engine.close()
    assert begun == [("1/v1@a", 0)]


@pytest.mark.slow
def test_a_slot_is_run_once_over_all_starts_and_left_out_while_the_job_is_at_work(store: Store, file: Path) -> None:
    ran, held = [], threading.Event()

    def job() -> None:
        ran.append("poll")
        assert held.wait(LONG)

    first, second = (datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in (0, 1))
    with running(store, file, Turns(), jobs={"poll": job, "clean": lambda: ran.append("clean")}) as runner:
        assert runner.slot("poll", first)
        until(lambda: ran == ["poll"])
        assert not runner.slot("poll", second)
        assert runner.slot("clean", first)
        until(lambda: ran == ["poll", "clean"])
        held.set()
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')") == [])
        assert runner.slot("poll", first)
    with running(store, file, Turns(), jobs={"poll": job}) as runner:
        assert runner.slot("poll", first)
        assert runner.slot("poll", second)
        until(lambda: ran == ["poll", "clean", "poll"])
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')") == [])
    assert ran == ["poll", "clean", "poll"]


@pytest.mark.slow
@pytest.mark.parametrize("finishes", [True, False])
def test_stop_begins_no_more_turns_and_says_whether_those_at_work_ended(
    store: Store, file: Path, finishes: bool
) -> None:
    add(store, due(1, "held"))
    turns = Turns(gate=False)
    runner = Runner(queue=store.releases, turn=turns, clock=Now(), workers=1, path=file)
    runner.start()
    runner.run_due()
    turns.wait_for(1)
    add(store, due(2, "next"))
    runner.run_due()
    if finishes:
        turns.gate.set()
    assert runner.stop(LONG if finishes else 0.1) is finishes
    turns.gate.set()
    until(lambda: states(store)["held"] is PUBLISHED)
    if not finishes:
        assert states(store)["next"] is ReleaseState.PLANNED
    with running(store, file, turns):
        until(published(store, 2))
    assert sorted(turns.begun) == ["held", "next"]


def test_a_job_whose_end_could_not_be_written_is_not_left_out_for_ever(store: Store, file: Path) -> None:
    """As a full disk leaves them: four runs that count as under way fill the queue, and nobody is at work."""
    ran: list[str] = []
    names = ("poll", "look", "enrol", "reviews")
    jobs: dict[str, Callable[[], None]] = {name: partial(ran.append, name) for name in names}
    first, second = (datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in (0, 1))
    clock = Now()
    with running(store, file, Turns(), jobs=jobs, clock=clock) as runner:
        for name in names:
            assert runner.slot(name, first)
        until(lambda: sorted(ran) == sorted(names))
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')") == [])
        with closing(sqlite3.connect(file)) as connection, connection:
            for name in names:
                lost = "UPDATE workflow_status SET status = 'PENDING', deduplication_id = ? WHERE workflow_uuid LIKE ?"
                connection.execute(lost, (name, f"sched-{name}-%"))
        assert not runner.slot("poll", second), "it may be about to begin"
        clock.ahead = LOST_AFTER + timedelta(seconds=1)
        assert runner.slot("poll", second)
        until(lambda: ran.count("poll") == 2)


def test_stop_waits_for_a_job_as_for_a_turn(store: Store, file: Path) -> None:
    begun, held = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        assert held.wait(LONG)

    runner = Runner(queue=store.releases, turn=Turns(), clock=Now(), workers=1, path=file, jobs={"poll": job})
    runner.start()
    assert runner.slot("poll", datetime.now(UTC))
    assert begun.wait(LONG)
    assert not runner.stop(0.1)
    assert runner.busy
    held.set()
    until(lambda: not runner.busy)
