"""A state of any earlier version becomes this version's: whole or not at all, whoever works on it meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect

from bot.adapters.store.open import open_state
from bot.adapters.store.postgres import SCHEMA, look_at_shared, open_shared
from bot.adapters.store.schema import VERSION
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.releases import ReleaseState
from tests.bounds import FULL
from tests.contract.full_state import fill, rows
from tests.contract.states import shared_store
from tests.postgres import Postgres, Role
from tests.unit.release_facts import NOON

DATA = Path(__file__).parents[1] / "data" / "state"
FILES = sorted(DATA.glob("sqlite-*.sql"))
DATABASES = sorted(DATA.glob("postgresql-*.sql"))
KEY = f"42/v1.1.0@{'a' * 40}"
DDL = ("ALTER TABLE", "CREATE TABLE", "CREATE INDEX", "\nCREATE TABLE", "PRAGMA user_version=", "UPDATE schema_version")
Row = Mapping[str, Any]


def restored(file: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(file.read_text())
    return path


def plain_rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What is in the file, as SQLite has it."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')] for name in names}


def shape(engine: Engine) -> dict[str, tuple[dict[str, tuple[str, bool]], set[str]]]:
    """Tables with their columns (type, may be NULL) and the names of their indexes."""
    look = inspect(engine)
    return {
        name: (
            {c["name"]: (spelled(engine, str(c["type"])), bool(c["nullable"])) for c in look.get_columns(name)},
            {str(index["name"]) for index in look.get_indexes(name)},
        )
        for name in look.get_table_names()
        if name not in ("schema_version",)
    }


def spelled(engine: Engine, kind: str) -> str:
    """SQLite's integers are all of one size, whatever they are called."""
    return kind.replace("BIGINT", "INTEGER") if engine.dialect.name == "sqlite" else kind


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_of_any_earlier_version_has_what_a_new_one_has_and_all_it_held(file: Path, tmp_path: Path) -> None:
    path = restored(file, tmp_path / "old.db")
    before = plain_rows(path)
    old, new = Store(open_state(path), str), Store(open_state(tmp_path / "new.db"), str)
    assert shape(old.engine) == shape(new.engine)
    after = plain_rows(path)
    for name, listed in before.items():
        if name != "ledger":  # an earlier version's is begun with what it has on record
            kept = [{column: row[column] for column in one} for one, row in zip(listed, after[name], strict=True)]
            assert kept == listed
    (release,) = old.releases.releases()
    assert (release.key, release.state, release.turn) == (KEY, ReleaseState.PUBLISHED, 3)
    assert old.journal.verify()[1] is None
    assert [one.outcome.value for one in old.ledger.attempts(KEY)] == ["accepted"]
    assert old.releases.wake(KEY, NOON, reopen=True)
    old.close()
    new.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_there_is_a_file_of_every_earlier_version() -> None:
    assert {int(file.stem.split("-")[1]) for file in FILES} >= set(range(1, VERSION))


@contextmanager
def at_work(work: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Four threads that do it again and again for the length of the block, and what went wrong."""
    over, wrong = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not over.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - told by the test
            wrong.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield wrong
    over.set()
    for thread in threads:
        thread.join()


def opened_at_once(make: Callable[[], Engine]) -> list[Engine]:
    engines: list[Engine] = []
    threads = [threading.Thread(target=lambda: engines.append(make())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return engines


# What the version before asks for: columns by name, none of those that are new.
READ = "SELECT key, state, turn, due_at FROM releases WHERE key = '{key}'"
WRITE = "UPDATE releases SET turn = turn + 1, updated_at = '2026-08-03T12:00:00.000000Z' WHERE key = '{key}'"


@pytest.mark.slow
def test_a_file_is_changed_under_load_by_one_of_three_that_start_at_once(tmp_path: Path) -> None:
    """Processes of the version before read and write before, meanwhile and afterwards; none of it is lost."""
    path = restored(DATA / "sqlite-2-first.sql", tmp_path / "old.db")
    written: list[int] = []

    def work() -> None:
        with closing(sqlite3.connect(path, timeout=15)) as database:
            assert database.execute(READ.format(key=KEY)).fetchone()[0] == KEY
            database.execute("BEGIN IMMEDIATE")
            database.execute(WRITE.format(key=KEY))
            database.commit()
            written.append(1)

    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    with at_work(work) as wrong:
        engines = opened_at_once(lambda: open_state(path))
        for _ in range(3):
            work()
    assert wrong == []
    assert len(engines) == 3
    (release,) = Store(engines[0], str).releases.releases()
    assert release.turn == 3 + len(written)
    for engine in engines:
        engine.dispose()


@pytest.mark.slow
def test_a_database_is_changed_under_load_by_one_of_three_that_start_at_once(
    postgres: Postgres, database: Role
) -> None:
    restore(postgres, database)
    written: list[int] = []

    def work() -> None:
        with database.connect() as connection:
            connection.execute(f"SET search_path = {SCHEMA}")
            for _ in range(5):
                row = connection.execute(READ.format(key=KEY)).fetchone()
                assert row is not None
                connection.execute(WRITE.format(key=KEY))
                written.append(1)

    with at_work(work) as wrong:
        engines = opened_at_once(lambda: open_shared(database.conninfo, database.url))
        work()
    assert wrong == []
    assert len(engines) == 3
    (release,) = Store(engines[0], str).releases.releases()
    assert release.turn == 3 + len(written)
    for engine in engines:
        engine.dispose()


def restore(postgres: Postgres, role: Role, text: str | None = None) -> None:
    """A dump, into an empty database, as docs/replicas.md says."""
    told = text if text is not None else (DATA / "postgresql-3.sql").read_text()
    postgres.client("psql", role, "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", told=told)


@pytest.mark.slow
@pytest.mark.parametrize("file", DATABASES, ids=lambda file: file.stem)
def test_a_database_of_any_earlier_version_has_what_a_new_one_has_and_all_it_held(
    postgres: Postgres, database: Role, file: Path
) -> None:
    restore(postgres, database, file.read_text())
    with pytest.raises(ConfigError, match="is of an earlier ropewalk"):
        look_at_shared(database.conninfo, database.url)
    with database.connect() as connection:
        earlier = int(file.stem.rpartition("-")[2])
        assert connection.execute("SELECT version FROM ropewalk.schema_version").fetchall() == [(earlier,)]
    old, new = shared_store(database), shared_store(postgres.database())
    assert shape(old.engine) == shape(new.engine)
    (release,) = old.releases.releases()
    assert (release.key, release.turn) == (KEY, 3)
    assert old.journal.verify()[1] is None
    assert old.releases.wake(KEY, NOON, reopen=True)
    old.close()
    new.close()


@pytest.mark.slow
def test_a_dump_of_a_database_is_restored_into_an_empty_one_with_all_it_holds(
    postgres: Postgres, database: Role
) -> None:
    """As docs/replicas.md says, by the bot's own role, while it works."""
    store = shared_store(database)
    fill(store)
    before = rows(store)
    dump = postgres.client("pg_dump", database, "--schema=ropewalk", "--no-owner", "--no-privileges")
    store.close()
    other = postgres.database()
    restore(postgres, other, dump)
    again = shared_store(other)
    assert rows(again) == before
    assert again.journal.verify()[1] is None
    again.journal.requested("post", "/x", "accepted", NOON)
    assert again.journal.verify()[0].sequence == 6
    again.close()


def killed_at(number: int, make: Callable[[], Engine]) -> bool:
    """Open it in a child that is killed before its so-manieth change of the tables; False if there are fewer."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
            seen[0] += statement.startswith(DDL)
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", count)
        try:
            make()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
@pytest.mark.chaos
def test_a_kill_while_a_file_is_changed_leaves_the_old_one(tmp_path: Path) -> None:
    path = restored(DATA / "sqlite-1.sql", tmp_path / "old.db")
    before, number = plain_rows(path), 1
    while killed_at(number, lambda: open_state(path)):
        assert plain_rows(path) == before
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA user_version").fetchone() == (1,)
        number += 1 if FULL else 6
    assert number > 15, "columns, tables, indexes and the version itself"
    store = Store(open_state(path), str)
    assert [one.key for one in store.releases.releases()] == [KEY]
    store.close()


@pytest.mark.slow
def test_a_kill_while_a_database_is_changed_leaves_the_old_one(postgres: Postgres, database: Role) -> None:
    restore(postgres, database)
    ask = "SELECT count(*) FROM pg_class WHERE relnamespace = 'ropewalk'::regnamespace"
    with database.connect() as connection:
        before = connection.execute(ask).fetchone()
        killed = [killed_at(number, lambda: open_shared(database.conninfo, database.url)) for number in (1, 2, 5, 8)]
        assert killed[:3] == [True] * 3
        assert connection.execute(ask).fetchone() == before
        assert connection.execute("SELECT version FROM ropewalk.schema_version").fetchone() == (3,)
    store = shared_store(database)
    assert [one.key for one in store.releases.releases()] == [KEY]
    store.close()
