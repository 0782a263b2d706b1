"""Holds and approvals. See bot.ports.store."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.consents import Approval, Hold


class SqliteHolds:
    """See bot.ports.store.Holds."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def hold(self, project_id: int, ref: str) -> Hold | None:
        """The hold on a ref, or None."""
        table = schema.holds
        query = select(table).where(table.c.project_id == project_id, table.c.ref == ref)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        return Hold(by=row["by"], since=row["since"], until=row["until"], reason=row["reason"])

    def put(self, project_id: int, ref: str, hold: Hold) -> None:
        """Insert or replace it."""
        values = {
            "by": self._redact(hold.by),
            "since": hold.since,
            "until": hold.until,
            "reason": self._redact(hold.reason),
        }
        statement = upsert(schema.holds).values(project_id=project_id, ref=ref, **values)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "ref"], set_=values))

    def lift(self, project_id: int, ref: str) -> Hold | None:
        """Delete it."""
        table = schema.holds
        found = self.hold(project_id, ref)
        with self._database.begin() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id, table.c.ref == ref))
        return found


class SqliteApprovals:
    """See bot.ports.store.Approvals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def approvals(self, key: str) -> tuple[Approval, ...]:
        """All of a release, oldest first."""
        table = schema.approvals
        query = select(table).where(table.c.release == key).order_by(table.c.at, table.c.user_id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Approval(user_id=row["user_id"], username=row["username"], level=row["level"], at=row["at"], sha=row["sha"])
            for row in rows
        )

    def approve(self, key: str, approval: Approval) -> bool:
        """Insert it unless that person's is there."""
        statement = upsert(schema.approvals).values(
            release=key,
            user_id=approval.user_id,
            username=approval.username,
            level=approval.level,
            at=approval.at,
            sha=approval.sha,
        )
        with self._database.begin() as connection:
            return connection.execute(statement.on_conflict_do_nothing()).rowcount == 1
