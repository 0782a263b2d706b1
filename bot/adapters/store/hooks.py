"""What we remember of webhooks. See bot.ports.store.HookRecords for the promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.domain.hooks import HookPlace, HookRecord

MEMORY = timedelta(days=7)
MOST_KEYS = 500  # in one question; SQLite takes some thousands


class SqliteHookRecords:
    """See bot.ports.store.HookRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self) -> Mapping[str, HookRecord]:
        """All places by their name."""
        with self._database.read() as connection:
            found = connection.execute(select(schema.hook_places)).mappings()
            return {
                row["name"]: HookRecord(
                    hook_id=row["hook_id"], fingerprint=row["fingerprint"], looked_at=row["looked_at"]
                )
                for row in found
            }

    def keep(self, place: HookPlace, record: HookRecord) -> None:
        """Write what is known of a place now."""
        values = {"hook_id": record.hook_id, "fingerprint": record.fingerprint, "looked_at": record.looked_at}
        statement = upsert(schema.hook_places).values(name=place.name, **values)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

    def resent(self, keys: Collection[str]) -> frozenset[str]:
        """Those that were taken when we asked for them again."""
        table, wanted = schema.redeliveries, list(keys)
        found: set[str] = set()
        with self._database.begin() as connection:
            for start in range(0, len(wanted), MOST_KEYS):
                part = wanted[start : start + MOST_KEYS]
                found.update(connection.execute(select(table.c.key).where(table.c.key.in_(part))).scalars())
        return frozenset(found)

    def note_resent(self, key: str, now: datetime) -> None:
        """Remember that one was taken; forget those older than a week."""
        table = schema.redeliveries
        with self._database.begin() as connection:
            connection.execute(delete(table).where(table.c.at < now - MEMORY))
            connection.execute(upsert(table).values(key=key, at=now).on_conflict_do_nothing())
