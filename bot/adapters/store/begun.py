"""Requests to GitLab that were begun and whose end is not noted yet.

A process may die between a request and the note of how it ended. So each is written down before it is sent, and crossed
out with its entry in the ledger; what still stands long after any request must have ended comes into the ledger as
`unclear`. This table is no evidence: its rows come and go.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, RowMapping, String, Table, Text, delete, insert, select

from bot.adapters.store.columns import Moment
from bot.adapters.store.schema import metadata

OVER_AFTER = timedelta(minutes=10)  # a request is given up after a minute; its process may have been frozen meanwhile

requests_begun = Table(
    "requests_begun",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("words", Text, nullable=False),
    Column("place", Text, nullable=False),
)


def note(connection: Connection, words: str, place: str, at: datetime) -> str:
    """Write one down; returns its id."""
    id_ = secrets.token_hex(16)
    connection.execute(insert(requests_begun).values(id=id_, at=at, words=words, place=place))
    return id_


def cross_out(connection: Connection, id_: str) -> None:
    """Its end is known."""
    connection.execute(delete(requests_begun).where(requests_begun.c.id == id_))


def left(connection: Connection, now: datetime) -> Sequence[RowMapping]:
    """Those that nobody will tell the end of any more, oldest first; they are crossed out."""
    old = requests_begun.c.at < now - OVER_AFTER
    rows = connection.execute(select(requests_begun).where(old).order_by(requests_begun.c.at)).mappings().all()
    if rows:
        connection.execute(delete(requests_begun).where(requests_begun.c.id.in_([row["id"] for row in rows])))
    return rows
