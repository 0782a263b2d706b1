"""The engine's own database file, made fit to be opened. What is in it can be lost: releases are rows of ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.log import get

BUSY = 15.0  # seconds to wait for whoever else holds the file, such as a backup
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps next to a database

log = get("engine")


def prepare(path: Path, newest: int) -> None:
    """Leave a sound file in WAL mode at `path`, or an empty one; `newest` is the engine's schema version.

    A file that is broken is put aside and begun anew. Call it with the engine's lock held. Raises: ConfigError if the
    file belongs to a newer engine, or cannot be written.
    """
    try:
        if not path.exists():
            path.touch(mode=0o600)
        try:
            found = _open(path)
        except sqlite3.OperationalError as error:
            raise ConfigError(what=f"cannot be used: {error}", where=str(path), remedy=_REMEDY) from None
        except sqlite3.DatabaseError as error:
            aside = _put_aside(path)
            log.warning("engine.begun_anew", path=str(path), reason=str(error), kept=str(aside))
            path.touch(mode=0o600)
            found = _open(path)
    except OSError as error:
        raise ConfigError(what=f"cannot be made: {error.strerror}", where=str(path), remedy=_REMEDY) from None
    if found is not None and found > newest:
        raise ConfigError(
            what=f"was written by a newer engine (schema {found}, this one knows {newest})",
            where=str(path),
            remedy="Run that version, or move the file away: releases are kept in the file beside it, and go on",
        )


_REMEDY = "It lies beside `state`; its folder must be writable by this user, and no other process may hold it"


def _open(path: Path) -> int | None:
    """Set WAL mode and check the pages; the schema version in the file, None if it has none."""
    with closing(sqlite3.connect(path, timeout=BUSY, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'dbos_migrations'"
        if connection.execute(table).fetchone() is None:
            return None
        version = connection.execute("SELECT max(version) FROM dbos_migrations").fetchone()[0]
        return None if version is None else int(version)


def _put_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    for end in BESIDE:
        beside = Path(f"{path}{end}")
        if beside.exists():
            beside.rename(f"{aside}{end}")
    return path.rename(aside)
