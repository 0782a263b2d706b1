"""Small things to remember: texts by name, and the ids of webhooks that were taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, select
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database

DELIVERY_MEMORY = timedelta(days=7)


class SqliteWords:
    """Texts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def once(self, name: str, text: str) -> str:
        """Store a text under a name unless there is one, and return the one that is there.

        Where nothing can be stored, what would have been is returned.
        """
        table = schema.cursors
        if self._database.reads:
            with self._database.read() as connection:
                query = select(table.c.text).where(table.c.name == name)
                there = connection.execute(query).scalar_one_or_none()
            return text if there is None else str(there)
        with self._database.begin() as connection:
            connection.execute(upsert(table).values(name=name, text=text).on_conflict_do_nothing())
            return str(connection.execute(select(table.c.text).where(table.c.name == name)).scalar_one())


class SqliteDeliveries:
    """Webhooks that were taken, by delivery id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, deliveries: Sequence[tuple[str, str]], now: datetime) -> list[bool]:
        """Store delivery ids with the digests of their bodies; False for an id that came with another body before."""
        if not deliveries:
            return []
        table, limit = schema.deliveries, now - DELIVERY_MEMORY
        rows = [{"id": id_, "digest": digest, "at": now, "limit": limit} for id_, digest in deliveries]
        known = select(table.c.id, table.c.digest).where(table.c.id.in_([id_ for id_, _ in deliveries]))
        with self._database.begin() as connection:
            connection.execute(_REMEMBER, rows)
            stands = {row.id: row.digest for row in connection.execute(known)}
        return [stands[id_] == digest for id_, digest in deliveries]

    def forget(self, now: datetime) -> int:
        """Delete ids older than a week, GitLab offers no redelivery beyond that; returns how many."""
        table = schema.deliveries
        with self._database.begin() as connection:
            return connection.execute(delete(table).where(table.c.at < now - DELIVERY_MEMORY)).rowcount


def _remember() -> Insert:
    """Insert, or take over a row that is forgotten by now. Made once: it is hot."""
    table = schema.deliveries
    statement = upsert(table).values({name: bindparam(name) for name in ("id", "digest", "at")})
    forgotten = table.c.at < bindparam("limit", type_=Moment)
    anew = {name: case((forgotten, statement.excluded[name]), else_=table.c[name]) for name in ("digest", "at")}
    return statement.on_conflict_do_update(index_elements=["id"], set_=anew)


_REMEMBER = _remember()
