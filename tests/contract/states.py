"""Stores for tests that run on both databases: SQLite in a file, and a PostgreSQL database of the test's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.adapters.store.open import open_state
from bot.adapters.store.postgres import RESTED, open_shared
from bot.adapters.store.rows import Redact
from bot.adapters.store.schema import metadata
from bot.adapters.store.store import Store
from tests.postgres import Role

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)
BOTH = ["sqlite", POSTGRESQL]


@cache
def _made() -> bytes:
    """An empty state's file. Nothing in it is its own: every first opening makes the same."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ropewalk.db"
        open_state(path).dispose()
        return path.read_bytes()


def file_store(path: Path, redact: Redact = str) -> Store:
    """A store on a file; where there is none yet, on a copy of one that was made before, which takes less time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_made())
    return Store(open_state(path), redact)


def shared_store(role: Role, redact: Redact = str, *, rested: float = RESTED) -> Store:
    """A store on a PostgreSQL database. `rested` is as in `shared_engine`."""
    return Store(open_shared(role.conninfo, role.url, rested=rested), redact)


def store_on(kind: str, request: pytest.FixtureRequest, folder: Path, redact: Redact = str) -> Store:
    """An empty store on one of `BOTH`."""
    if kind == "sqlite":
        return file_store(folder / "ropewalk.db", redact)
    role: Role = request.getfixturevalue("used_database")
    store = shared_store(role, redact)
    _empty(store)
    return store


def _empty(store: Store) -> None:
    """As it was when it was made; a database of its own for each test would take ten times as long."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger DISABLE TRIGGER ledger_no_change")
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
        connection.exec_driver_sql("ALTER TABLE ledger ENABLE TRIGGER ledger_no_change")
