"""The processes that share a state, and who may write of a release. See bot.ports.replicas for the promises.

All times here are the database's: clocks of several machines need not agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import case, delete, literal_column, select, type_coerce, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.domain.releases import Release
from bot.domain.replicas import TTL, Replica

FORGET_AFTER = timedelta(hours=1)  # what died is shown for so long
_FORM = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'  # as Moment writes it
_NOW = f"to_char(clock_timestamp() AT TIME ZONE 'UTC', '{_FORM}')"


def database_time(after: timedelta = timedelta()) -> object:
    """So long after now, as an expression for a column of moments."""
    seconds = f"make_interval(secs => {after.total_seconds()})"
    text = f"to_char((clock_timestamp() + {seconds}) AT TIME ZONE 'UTC', '{_FORM}')"
    return type_coerce(literal_column(text), Moment)


class SharedReplicas:
    """See bot.ports.replicas.Members and Fences, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, one: Replica) -> bool:
        """Insert or refresh the row."""
        table = schema.replicas
        values = {
            "id": one.id,
            "host": one.host,
            "pid": one.pid,
            "version": one.version,
            "work": one.work,
            "scope": one.scope,
        }
        fresh = table.c.beat_at >= database_time(-TTL)
        with self._database.begin() as connection:
            lately = select(case((fresh, True), else_=False)).where(table.c.id == one.id)
            known = connection.execute(lately).scalar_one_or_none()
            connection.execute(delete(table).where(table.c.beat_at < database_time(-FORGET_AFTER)))
            statement = upsert(table).values(**values, started_at=database_time(), beat_at=database_time())
            connection.execute(
                statement.on_conflict_do_update(index_elements=["id"], set_={"beat_at": database_time()})
            )
        return known is not False

    def leave(self, id_: str) -> None:
        """Delete the row."""
        with self._database.begin() as connection:
            connection.execute(delete(schema.replicas).where(schema.replicas.c.id == id_))

    def members(self) -> tuple[Replica, ...]:
        """All rows, the oldest first."""
        table = schema.replicas
        alive = (table.c.beat_at >= database_time(-TTL)).label("alive")
        query = select(table, alive).order_by(table.c.started_at, table.c.id)
        with self._database.read() as connection:
            return tuple(
                Replica(
                    id=row["id"],
                    host=row["host"],
                    pid=row["pid"],
                    version=row["version"],
                    work=row["work"],
                    started_at=row["started_at"],
                    beat_at=row["beat_at"],
                    alive=row["alive"],
                    scope=row["scope"] or "",
                )
                for row in connection.execute(query).mappings()
            )

    @contextmanager
    def hold(self, release: Release) -> Iterator[bool]:
        """Raise the fence, and hold this thread to it."""
        table = schema.releases
        statement = (
            update(table)
            .where(table.c.key == release.key, table.c.turn == release.turn)
            .values(fence=table.c.fence + 1)
            .returning(table.c.fence)
        )
        with self._database.begin() as connection:
            fence = connection.execute(statement).scalar_one_or_none()
        if fence is None:
            yield False
            return
        with self._database.fenced(release.key, fence):
            yield True

    def must_hold(self) -> None:
        """Ask now."""
        self._database.holds()


def database_now(database: Database) -> datetime:
    """The database's clock."""
    with database.read() as connection:
        return datetime.fromisoformat(str(connection.execute(select(literal_column(_NOW))).scalar_one()))
