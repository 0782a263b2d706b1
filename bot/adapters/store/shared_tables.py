"""Tables that several processes on one PostgreSQL keep between them; nothing in them is worth a copy."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from bot.adapters.store.columns import Moment
from bot.adapters.store.schema import metadata

TABLES = metadata  # all of them, whoever asks for these

sendings = Table(
    "sendings",
    metadata,
    Column("place", String(32), primary_key=True),  # an index and a name, as the lock files are called
    Column("token", String(32), nullable=False),
    Column("boot", Text, nullable=False),  # the run of the kernel that knows the lock
    Column("lock", Text, nullable=False),
    Column("inode", Text, nullable=False),
    Column("until", Moment, nullable=False),  # by the database's clock
)

board = Table(
    "board",
    metadata,
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),  # when it changed, by the database's clock
)
