"""The durable runner: who gets a turn when, and that neither its file nor a kill can lose one or do one twice."""

from __future__ import annotations

import io
import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import log
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.releases import Release, ReleaseState
from bot.domain.secrets import Redactor
from bot.engine.durable import MOST_ATTEMPTS, Engine, Fate
from bot.engine.enginefile import prepare
from bot.engine.local import Turn
from bot.engine.runner import KEEP_FINISHED, STALE, Runner
from tests.contract.turn_bench import planned

LONG = 20.0  # seconds that nothing here should take
PUBLISHED = ReleaseState.PUBLISHED


class Now:
    """Our clock, which a test may put forward; the engine has its own, the real one."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Turns:
    """A turn that publishes, once its gate is open; keeps count of who is at work."""

    def __init__(self, *, gate: bool = True) -> None:
        self.gate = threading.Event()
        self.lock = threading.Condition()
        self.begun: list[str] = []
        self.at_work: list[int] = []
        self.most_at_once = 0
        self.overlaps: list[str] = []
        if gate:
            self.gate.set()

    def __call__(self, release: Release) -> Release:
        with self.lock:
            if release.id.project_id in self.at_work:
                self.overlaps.append(release.key)
            self.at_work.append(release.id.project_id)
            self.begun.append(release.id.ref)
            self.most_at_once = max(self.most_at_once, len(self.at_work))
            self.lock.notify_all()
        assert self.gate.wait(LONG)
        with self.lock:
            self.at_work.remove(release.id.project_id)
        if "poison" in release.id.ref:
            raise ValueError("a fault of ours, with glpat-AbCdEfGhIjKlMnOpQrSt in it")
        return replace(release, state=PUBLISHED, due_at=None, updated_at=datetime.now(UTC))

    def wait_for(self, count: int) -> None:
        """Until so many turns have begun."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.begun) >= count, LONG), self.begun


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's file after a first start, so that not every test waits for its tables."""
    path = tmp_path_factory.mktemp("engine") / "used.db"
    engine = Engine(path, turn=lambda key, number: "", slot=lambda job: "", workers=1)
    engine.launch()
    engine.close()
    return path


@pytest.fixture
def file(used: Path, tmp_path: Path) -> Path:
    """An engine's file."""
    return Path(shutil.copy(used, tmp_path / "ropewalk.engine.db"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The rows, in a real database."""
    store = Store(open_state(tmp_path / "ropewalk.db"), str)
    yield store
    store.close()


@contextmanager
def running(
    store: Store,
    file: Path,
    turn: Turn,
    *,
    workers: int = 4,
    clock: Callable[[], datetime] | None = None,
    jobs: dict[str, Callable[[], None]] | None = None,
) -> Iterator[Runner]:
    """A runner at work; stopped and waited for at the end."""
    runner = Runner(queue=store.releases, turn=turn, clock=clock or Now(), workers=workers, path=file, jobs=jobs)
    runner.start()
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield runner
    finally:
        if isinstance(turn, Turns):
            turn.gate.set()
        assert runner.stop(LONG)
        thread.join(LONG)
        assert not thread.is_alive()


def add(store: Store, *releases: Release) -> None:
    for release in releases:
        assert store.releases.add(release)


def due(project: int, ref: str = "v1") -> Release:
    return planned(project, ref, due_at=datetime.now(UTC) - timedelta(seconds=1))


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(LONG / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("never so")


def states(store: Store) -> dict[str, ReleaseState]:
    return {row.id.ref: row.state for row in store.releases.releases()}


def published(store: Store, count: int) -> Callable[[], bool]:
    return lambda: [row.state for row in store.releases.releases()].count(PUBLISHED) == count


def sql(file: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file, timeout=LONG)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def killed(store: Store, file: Path) -> None:
    """A process that had begun the first due turn was killed."""
    command = [sys.executable, "-m", "tests.contract.durable_child", str(store.engine.url.database), str(file)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


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


@pytest.mark.slow
@pytest.mark.parametrize("happened", ["nothing", "deleted", "zeroed", "cut", "other version", "other program"])
def test_a_killed_turn_is_taken_up_whatever_happened_to_the_engines_file(
    store: Store, file: Path, happened: str
) -> None:
    """`deleted` is also an upgrade: releases begun by a runner that kept rows alone."""
    add(store, due(1))
    killed(store, file)
    match happened:
        case "deleted":
            for path in file.parent.glob(f"{file.name}*"):
                path.unlink()
        case "zeroed":
            file.write_bytes(bytes(8192))
        case "cut":
            sql(file, "PRAGMA wal_checkpoint(TRUNCATE)")
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "other version":
            sql(file, "UPDATE workflow_status SET application_version = '0'")
        case "other program":
            sql(file, "UPDATE workflow_status SET executor_id = 'elsewhere', queue_name = 'gone'")
    turns = Turns()
    with running(store, file, turns):
        until(published(store, 1))
    assert (turns.begun, store.releases.releases()[0].turn) == (["v1"], 1)
    kept = list(file.parent.glob("*.broken-*"))
    assert bool(kept) is (happened in ("zeroed", "cut"))


@pytest.mark.slow
def test_a_turn_that_always_kills_the_process_ends_as_a_failed_release(store: Store, file: Path) -> None:
    add(store, due(1), due(2, "innocent"))
    killed(store, file)
    sql(file, "UPDATE workflow_status SET recovery_attempts = ? WHERE workflow_uuid LIKE 'turn:1/%'", MOST_ATTEMPTS + 1)
    sql(file, "UPDATE workflow_status SET status = 'PENDING', executor_id = 'ropewalk' WHERE name = 'turn'")
    turns, clock = Turns(), Now()
    with running(store, file, turns, clock=clock):
        until(lambda: states(store)["innocent"] is PUBLISHED)
        clock.ahead = 2 * STALE
        until(lambda: states(store)["v1"] is ReleaseState.FAILED)
        (row,) = store.releases.releases("1")
        assert row.due_at is None
        assert row.next == "the bot died again and again in this turn, see its log; resume once it is mended"
        assert store.releases.wake(row.key, datetime.now(UTC), reopen=True)
        until(published(store, 2))
    assert sorted(turns.begun) == ["innocent", "v1"]


def test_a_project_is_not_closed_by_a_turn_whose_end_the_engine_could_not_write(store: Store, file: Path) -> None:
    add(store, due(1, "first"))
    turns, clock = Turns(), Now()
    with running(store, file, turns, clock=clock):
        until(published(store, 1))
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status = 'SUCCESS'") != [])
        sql(file, "UPDATE workflow_status SET status = 'PENDING', started_at_epoch_ms = 1")
        add(store, due(1, "second"))
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status = 'ENQUEUED'") != [])
        clock.ahead = 2 * STALE
        until(published(store, 2))


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
def test_clean_up_deletes_what_ended_days_ago_and_nothing_else(store: Store, file: Path) -> None:
    add(store, *(due(project) for project in range(60)))
    turns = Turns()
    with running(store, file, turns, workers=8) as runner:
        until(published(store, 60))
        until(lambda: sql(file, "SELECT 1 FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')") == [])
        old = int((datetime.now(UTC) - KEEP_FINISHED - timedelta(hours=1)).timestamp() * 1000)
        sql(file, "UPDATE workflow_status SET created_at = ? WHERE queue_partition_key != '7'", old)
        sql(file, "UPDATE workflow_status SET status = 'PENDING' WHERE queue_partition_key = '8'")
        runner.clean()
        left = sql(file, "SELECT queue_partition_key FROM workflow_status ORDER BY 1")
        sql(file, "UPDATE workflow_status SET status = 'SUCCESS'")
    assert left == [("7",), ("8",)]


def test_clean_up_forgets_deliveries_older_than_a_week(store: Store) -> None:
    now = datetime.now(UTC)
    assert store.intake.remember("old", "digest", now - timedelta(days=8))
    assert store.intake.forget(now) == 1
    assert store.intake.remember("new", "digest", now)
    assert store.intake.forget(now) == 0


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


def test_a_file_of_a_newer_engine_is_refused_and_left_as_it_is(file: Path) -> None:
    sql(file, "UPDATE dbos_migrations SET version = version + 1")
    engine = Engine(file, turn=lambda key, number: "", slot=lambda job: "", workers=1)
    with pytest.raises(ConfigError, match=r"newer engine \(schema \d+, this one knows \d+\).*move the file away"):
        engine.launch()
    engine.close()


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made: No such file"):
        prepare(tmp_path / "none" / "engine.db", 1)


def test_the_engine_logs_through_our_sink_alone(file: Path) -> None:
    stream = io.StringIO()
    log.configure(stream=stream, json=True, level="info", redactor=Redactor(), color=False)
    engine = Engine(file, turn=lambda key, number: "", slot=lambda job: "", workers=1)
    engine.launch()
    engine.close()
    logger = logging.getLogger("dbos")
    assert logger.propagate
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert logger.level == logging.WARNING
    assert stream.getvalue() == ""


def test_commands_that_do_not_serve_never_import_the_engine() -> None:
    code = "import sys, bot.cli.main, bot.cli.serve, bot.app; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
