"""Open the state: a SQLite file, made on first use, refused when it is not ours or newer than we are."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.adapters.store.growing import bring_up, must_know
from bot.adapters.store.schema import VERSION
from bot.domain.errors import ConfigError

BUSY = 15.0  # seconds a writer waits for another; our own transactions take milliseconds


def open_state(path: Path, *, change: bool = True) -> Engine:
    """Open or make the database file. Without `change` one of an earlier version is refused, not brought up to date.

    Raises: ConfigError with what stands in the way and what to do.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(what=f"cannot be made: {error.strerror}", where=str(path), remedy="See `state`") from None
    if not os.access(path, os.W_OK):
        raise ConfigError(what="is read-only", where=str(path), remedy="The state must be writable by this user")
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY, "check_same_thread": False}
    )
    event.listen(engine, "connect", _connect)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _migrate(connection, path, change=change)
    except OperationalError as error:
        engine.dispose()
        what, remedy = f"cannot be used: {error.orig}", "Is another process holding it?"
        raise ConfigError(what=what, where=str(path), remedy=remedy) from None
    except DatabaseError:
        engine.dispose()
        raise ConfigError(what="is not a database", where=str(path), remedy="Point `state` elsewhere") from None
    return engine


def _connect(connection: object, record: ConnectionPoolEntry) -> None:
    del record
    # The driver must not begin transactions by itself: we begin them, as writers, in `_begin`.
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3.Connection, which SQLAlchemy types as object
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={int(BUSY * 1000)}"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # as above


def _begin(connection: Connection) -> None:
    """Begin as a writer at once: two that both read first and then write would otherwise meet in a deadlock."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection, path: Path, *, change: bool) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    must_know(version, str(path), change=change)
    bring_up(connection, version)
    connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
