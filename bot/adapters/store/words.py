"""Small things to remember: texts by name, and the ids of webhooks that were taken."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

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
    table = schema.deliveries
    statement = upsert(table).values(id=delivery, digest=digest, at=now)
    forgotten = table.c.at < now - DELIVERY_MEMORY
    anew = {"digest": statement.excluded.digest, "at": statement.excluded.at}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=anew, where=forgotten))
    return bool(connection.execute(select(table.c.digest).where(table.c.id == delivery)).scalar_one() == digest)
