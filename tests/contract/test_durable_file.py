"""The engine's file: whatever happens to it, and whoever is killed, no release is lost and none is done twice."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import log
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.releases import ReleaseState
from bot.domain.secrets import Redactor
from bot.engine.durable import MOST_ATTEMPTS, Engine
from bot.engine.enginefile import prepare
from bot.engine.runner import KEEP_FINISHED, STALE
from tests.contract.durable_bench import PUBLISHED, Now, Turns, add, due, killed, published, running, sql, states
from tests.waiting import until


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


@pytest.mark.slow
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
    assert store.deliveries.remember([("old", "digest")], now - timedelta(days=8)) == [True]
    assert store.deliveries.forget(now) == 1
    assert store.deliveries.remember([("new", "digest")], now) == [True]
    assert store.deliveries.forget(now) == 0


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


@pytest.mark.slow
def test_commands_that_do_not_serve_never_import_the_engine() -> None:
    code = "import sys, bot.cli.main, bot.cli.serve, bot.app; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
