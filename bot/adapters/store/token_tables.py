"""Tables of when tokens end, as audits saw it. See bot.domain.tokens."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, String, Table, Text

from bot.adapters.store.columns import Day, Integer, Moment
from bot.adapters.store.schema import metadata

token_lists = Table(
    "token_lists",
    metadata,
    Column("place", Text, nullable=False),  # as resources begin with it
    Column("kind", String(16), nullable=False),
    Column("project_id", Integer),  # NULL: a group's
    Column("read_at", Moment),  # NULL: never
    Column("trouble", Text, nullable=False),  # why the last look read nothing; empty: it did
    PrimaryKeyConstraint("place", "kind"),
    Index("token_lists_project", "project_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("place", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("token_id", Integer, nullable=False),
    Column("project_id", Integer),
    Column("expires_on", Day),  # NULL: never
    Column("publishes", Boolean, nullable=False),
    PrimaryKeyConstraint("place", "kind", "token_id"),
    Index("tokens_project", "project_id", "expires_on"),
    Index("tokens_expiry", "publishes", "expires_on"),
)
