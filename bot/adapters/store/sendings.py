"""Who may be sending to an index right now, by the database's clock. See bot.ports.index.Sendings for the promises."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store.database import Database
from bot.adapters.store.replicas import database_time
from bot.adapters.store.shared_tables import sendings
from bot.ports.index import Sender, UnderWay


class SharedSendings:
    """One row a place, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, place: str, sender: Sender, seconds: float) -> bool:
        """Insert the row, or take over one whose time is over. The turn's fence is asked for within."""
        table = sendings
        values = {
            "token": sender.token,
            "boot": sender.boot,
            "lock": sender.lock,
            "inode": sender.inode,
            "until": database_time(timedelta(seconds=seconds)),
        }
        statement = upsert(table).values(place=place, **values)
        over = table.c.until < database_time()
        with self._database.begin() as connection:
            done = connection.execute(
                statement.on_conflict_do_update(index_elements=["place"], set_=values, where=over)
            )
            return done.rowcount == 1

    def end(self, place: str, token: str) -> None:
        """Delete the row, if it is still that sender's; no fence holds that back, nobody's turn depends on it.

        Whoever cannot write leaves it to others.
        """
        if self._database.reads:
            return
        table = sendings
        with self._database.aside() as connection:
            connection.execute(delete(table).where(table.c.place == place, table.c.token == token))

    def under_way(self, place: str) -> UnderWay | None:
        """The row whose time is not over."""
        table = sendings
        parts = func.to_timestamp(table.c.until, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        left = func.extract("epoch", parts) - func.extract("epoch", func.clock_timestamp())
        query = select(table, left.label("left")).where(table.c.place == place, table.c.until >= database_time())
        with self._database.aside() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        sender = Sender(token=row["token"], boot=row["boot"], lock=row["lock"], inode=row["inode"])
        return UnderWay(sender=sender, left=timedelta(seconds=max(float(row["left"]), 0.001)))
