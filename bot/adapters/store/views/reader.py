"""Open the state for looking only: whatever a fault of ours would send, the database itself refuses to write."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

BUSY = 5.0  # seconds; readers wait for nobody but the one who cleans up the log of an ended process
POOL = 6  # looks at the same time; more wait for one of these


def open_reader(path: Path) -> Engine:
    """Connections to a SQLite state that is there; nothing is asked of it yet."""
    address = f"file:{quote(str(path))}?mode=ro"

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
