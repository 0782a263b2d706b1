"""Which merge requests were looked at. See bot.ports.merge_requests.ReviewRecords for the promises."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database

MEMORY = timedelta(days=180)


class SqliteReviews:
    """See bot.ports.merge_requests.ReviewRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, key: str) -> str | None:
        """What was looked at last."""
        table = schema.merge_requests
        with self._database.read() as connection:
            return connection.execute(select(table.c.mark).where(table.c.key == key)).scalar_one_or_none()

    def keep(self, key: str, mark: str, now: datetime) -> None:
        """Remember it; forget what is old."""
        table, values = schema.merge_requests, {"mark": mark, "at": now}
        with self._database.begin() as connection:
            connection.execute(delete(table).where(table.c.at < now - MEMORY))
            statement = upsert(table).values(key=key, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
