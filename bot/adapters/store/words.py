"""Small things to remember: texts by name, and the ids of webhooks that were taken."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database

DELIVERY_MEMORY = timedelta(days=7)


class SqliteWords:
    """Texts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def once(self, name: str, text: str) -> str:
        """Store a text under a name unless there is one, and return the one that is there."""
        table = schema.cursors
        with self._database.begin() as connection:
            connection.execute(upsert(table).values(name=name, text=text).on_conflict_do_nothing())
            return str(connection.execute(select(table.c.text).where(table.c.name == name)).scalar_one())


class SqliteDeliveries:
    """Webhooks that were taken, by delivery id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, delivery: str, digest: str, now: datetime) -> bool:
        """Store a delivery id with the digest of its body; False if that id came with another body."""
        with self._database.begin() as connection:
            return remember(connection, delivery, digest, now)

    def forget(self, now: datetime) -> int:
        """Delete ids older than a week, GitLab offers no redelivery beyond that; returns how many."""
        table = schema.deliveries
        with self._database.begin() as connection:
            return connection.execute(delete(table).where(table.c.at < now - DELIVERY_MEMORY)).rowcount


def remember(connection: Connection, delivery: str, digest: str, now: datetime) -> bool:
    """See SqliteDeliveries.remember; within a transaction of the caller's."""
    values = {"id": delivery, "digest": digest, "at": now, "limit": now - DELIVERY_MEMORY}
    return bool(connection.execute(_REMEMBER, values).scalar_one() == digest)


def _remember() -> ReturningInsert[str]:
    """Insert, or take over a row that is forgotten by now; tells whose digest stands there. Made once: it is hot."""
    table = schema.deliveries
    statement = upsert(table).values({name: bindparam(name) for name in ("id", "digest", "at")})
    forgotten = table.c.at < bindparam("limit", type_=schema.Moment)
    anew = {name: case((forgotten, statement.excluded[name]), else_=table.c[name]) for name in ("digest", "at")}
    return statement.on_conflict_do_update(index_elements=["id"], set_=anew).returning(table.c.digest)


_REMEMBER = _remember()
