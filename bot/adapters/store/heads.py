"""New commits that may have to be tagged. See bot.ports.tagging.NewHeads for the promises."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.versioning import NewHead


def head_of(connection: Connection, project_id: int) -> NewHead | None:
    """The newest commit of a project that was or is to be tagged by itself; None where there never was one."""
    query = select(schema.heads).where(schema.heads.c.project_id == project_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else NewHead(**row)


def keep_head(connection: Connection, head: NewHead) -> None:
    """The newest commit of a project, in the place of the one before."""
    values = asdict(head)
    statement = upsert(schema.heads).values(**values)
    del values["project_id"]
    connection.execute(statement.on_conflict_do_update(index_elements=["project_id"], set_=values))


class SqliteHeads:
    """See bot.ports.tagging.NewHeads."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def due(self, now: datetime, limit: int) -> tuple[NewHead, ...]:
        """Those to be looked at, the longest due first."""
        table = schema.heads
        query = select(table).where(table.c.due_at <= now).order_by(table.c.due_at, table.c.project_id).limit(limit)
        with self._database.read() as connection:
            return tuple(NewHead(**row) for row in connection.execute(query).mappings())

    def pending(self) -> tuple[NewHead, ...]:
        """Those that were looked at and are to be again, the newest first."""
        table = schema.heads
        query = select(table).where(table.c.due_at.is_not(None), table.c.told != "")
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.seen_at.desc(), table.c.project_id)).mappings()
            return tuple(NewHead(**row) for row in rows)

    def settle(self, head: NewHead) -> bool:
        """Keep what came of a look, unless a newer commit was seen meanwhile."""
        table = schema.heads
        told = replace(head, told=self._redact(head.told))
        seen = (table.c.project_id == head.project_id, table.c.seen_at == head.seen_at)
        values = {name: getattr(told, name) for name in ("due_at", "tries", "told")}
        with self._database.begin() as connection:
            return connection.execute(update(table).where(*seen).values(**values)).rowcount == 1
