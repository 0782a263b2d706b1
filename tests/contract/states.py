"""Stores for tests that run on both databases: SQLite in a file, and a PostgreSQL database of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.store.open import open_state
from bot.adapters.store.postgres import RESTED, open_shared
from bot.adapters.store.rows import Redact
from bot.adapters.store.schema import metadata
from bot.adapters.store.store import Store
from tests.postgres import Role

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)
BOTH = ["sqlite", POSTGRESQL]


def shared_store(role: Role, redact: Redact = str, *, rested: float = RESTED) -> Store:
    """A store on a PostgreSQL database. `rested` is as in `shared_engine`."""
    return Store(open_shared(role.conninfo, role.url, rested=rested), redact)


def store_on(kind: str, request: pytest.FixtureRequest, folder: Path, redact: Redact = str) -> Store:
    """An empty store on one of `BOTH`."""
    if kind == "sqlite":
        return Store(open_state(folder / "ropewalk.db"), redact)
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
