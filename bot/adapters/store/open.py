"""Open the state: a SQLite file, made on first use, refused when it is not ours or newer than we are.

What only looks opens it for reading alone, so that it works where it may not write, and holds up nobody who does.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.adapters.store.growing import bring_up, must_have_all, must_know
from bot.adapters.store.schema import VERSION
from bot.adapters.store.views.reader import Sight, open_reader
from bot.domain.errors import ConfigError

BUSY = 15.0  # seconds a writer waits for another; our own transactions take milliseconds


def open_state(path: Path) -> Engine:
    """Open or make the database file. Raises: ConfigError with what stands in the way and what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(what=f"cannot be made: {error.strerror}", where=str(path), remedy="See `state`") from None
    obstacle = unwritable(path)
    if obstacle is not None:
        raise obstacle
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY, "check_same_thread": False}
    )
    event.listen(engine, "connect", _connect)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _migrate(connection, path)
    except OperationalError as error:
        engine.dispose()
        what, remedy = f"cannot be used: {error.orig}", "Is another process holding it?"
        raise ConfigError(what=what, where=str(path), remedy=remedy) from None
    except DatabaseError:
        engine.dispose()
        raise _not_ours(path) from None
    return engine


def unwritable(path: Path) -> ConfigError | None:
    """Why this user may not work on the file that is there; None if nothing stands in the way."""
    if not os.access(path, os.W_OK):
        return ConfigError(what="is read-only", where=str(path), remedy="The state must be writable by this user")
    if not os.access(path.parent, os.W_OK):
        what = "lies in a folder that is read-only: the log of its changes has no place"
        return ConfigError(what=what, where=str(path), remedy="The state's folder must be writable by this user")
    return None


def look_at_state(path: Path) -> Engine | None:
    """Open the database file for reading alone; None where there is none yet.

    Raises: ConfigError for a file that cannot be read, is not ours, or is not of this version.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        remedy = "Its folder must be one that this user may enter"
        raise ConfigError(what=f"cannot be looked at: {error.strerror}", where=str(path), remedy=remedy) from None
    if not os.access(path, os.R_OK):
        raise ConfigError(what="may not be read by this user", where=str(path), remedy="Give it the right to")
    try:
        return _looked_at(open_reader(path, _sight(path)), path)
    except OperationalError as error:
        remedy = "The files -wal and -shm beside it must be readable, too; or look at a copy by `ropewalk state backup`"
        raise ConfigError(what=f"cannot be looked at: {error.orig}", where=str(path), remedy=remedy) from None


def _looked_at(engine: Engine, path: Path) -> Engine | None:
    """The engine, once it was seen to hold a state of this version; None for a file that holds nothing yet."""
    try:
        with engine.begin() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version:
                must_know(version, str(path), change=False)
                must_have_all(connection, str(path))
                return engine
            tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
        engine.dispose()
        if not tables:
            return None
        raise ConfigError(what="is no state of ropewalk's", where=str(path), remedy="Point `state` elsewhere")
    except OperationalError:
        engine.dispose()
        raise
    except DatabaseError:
        engine.dispose()
        raise _not_ours(path) from None
    except BaseException:
        engine.dispose()
        raise


def _sight(path: Path) -> Sight:
    """How to look at a file that is there: who may not write there can make no file beside it."""
    if unwritable(path) is None:
        return Sight.BESIDE
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    at_work = log.exists() and (log.stat().st_size > 0 or os.access(index, os.R_OK))
    return Sight.READING if at_work else Sight.SETTLED


def _not_ours(path: Path) -> ConfigError:
    return ConfigError(what="is not a database", where=str(path), remedy="Point `state` elsewhere")


def _connect(connection: object, record: ConnectionPoolEntry) -> None:
    del record
    # The driver must not begin transactions by itself: we begin them, as writers, in `_begin`.
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3.Connection, which SQLAlchemy types as object
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={int(BUSY * 1000)}"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # as above


def _begin(connection: Connection) -> None:
    """Begin as a writer at once: two that both read first and then write would otherwise meet in a deadlock."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection, path: Path) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    must_know(version, str(path), change=True)
    bring_up(connection, version)
    connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
