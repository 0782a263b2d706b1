"""Open the state for looking only: whatever a fault of ours would send, the database itself refuses to write."""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

BUSY = 5.0  # seconds; readers wait for nobody but the one who cleans up the log of an ended process
POOL = 6  # looks at the same time; more wait for one of these


class Sight(StrEnum):
    """How a file is looked at: as those who work on it do, so that the last to leave tidies up; with the log of changes
    that others keep beside it; or alone, since all of it is in the one file and nobody works on it.

    Source: https://sqlite.org/wal.html#readonly
    """

    BESIDE = "mode=rw"
    READING = "mode=ro"
    SETTLED = "mode=ro&immutable=1"


def open_reader(path: Path, sight: Sight = Sight.READING) -> Engine:
    """Connections to a SQLite state that is there; nothing is asked of it yet."""
    address = f"file:{quote(str(path))}?{sight.value}"

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(address, uri=True, timeout=BUSY, check_same_thread=False, isolation_level=None)
        made.execute("PRAGMA query_only=ON")
        return made

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=POOL, max_overflow=0)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """As a reader: several statements see the same moment, and no writer waits."""
    connection.exec_driver_sql("BEGIN")
