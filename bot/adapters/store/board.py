"""Texts that all processes on a shared state change in turn. See bot.ports.replicas.Board for the promises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.replicas import database_time
from bot.adapters.store.shared_tables import board
from bot.domain.replicas import TTL

TURN = 7_265_503  # the lock that is held while texts change: any number that nobody else in the database uses
CLEAN_EVERY = 500  # changes
FORGET_AFTER = timedelta(hours=25)  # GitLab is left alone for a day at most
_CLOCK = text("SELECT pg_advisory_xact_lock(:turn), floor(extract(epoch FROM clock_timestamp()) * 1000)")


class SharedBoard:
    """One row a name, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = 0

    def change(self, names: Collection[str], step: Callable[[int, int, Mapping[str, str]], Mapping[str, str]]) -> None:
        """One short transaction of four statements."""
        alive = select(schema.replicas.c.id).where(schema.replicas.c.beat_at >= database_time(-TTL))
        with self._database.aside() as connection:
            now = int(connection.execute(_CLOCK, {"turn": TURN}).one()[1])
            processes = len(connection.execute(alive).all())
            rows = connection.execute(select(board.c.name, board.c.text).where(board.c.name.in_(sorted(names))))
            there = {row.name: row.text for row in rows}
            after = step(now, max(processes, 1), there)
            if after:
                values = [{"name": name, "text": one} for name, one in sorted(after.items())]
                statement = upsert(board).values(at=database_time())
                anew = {"text": statement.excluded["text"], "at": statement.excluded["at"]}
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=anew), values)
            self._changes += 1
            if self._changes % CLEAN_EVERY == 0:
                connection.execute(delete(board).where(board.c.at < database_time(-FORGET_AFTER)))
