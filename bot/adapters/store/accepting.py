"""What people accepted of what a release changes."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.domain.releases import Acceptance


class SqliteAcceptances:
    """See bot.ports.store.Acceptances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, key: str, acceptance: Acceptance) -> None:
        """Record one; the first of the same differences stays."""
        values = {"release": key, "digest": acceptance.digest, "by": acceptance.by, "at": acceptance.at}
        with self._database.begin() as connection:
            connection.execute(upsert(schema.acceptances).values(values).on_conflict_do_nothing())

    def accepted(self, key: str) -> tuple[Acceptance, ...]:
        """All of a release, oldest first."""
        table = schema.acceptances
        with self._database.read() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.at))
            return tuple(Acceptance(digest=row["digest"], by=row["by"], at=row["at"]) for row in found.mappings())
