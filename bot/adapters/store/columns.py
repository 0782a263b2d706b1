"""How values stand. Times are UTC text (RFC 3339, microseconds): they sort as they read, and by eye; days, too."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import BigInteger, String
from sqlalchemy import Integer as SmallInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# GitLab's ids have outgrown 32 bits. SQLite's INTEGER holds 64, and must be spelled so to number rows by itself.
Integer = BigInteger().with_variant(SmallInteger(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """A UTC time as text of fixed width."""

    impl = String(32).with_variant(
        String(32, collation="C"), "postgresql"
    )  # sorts by bytes, whatever the database does
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To `2026-01-31T12:00:00.000000Z`."""
        del dialect
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """From it."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A day of the calendar as text of fixed width."""

    impl = String(10).with_variant(String(10, collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        """To `2026-01-31`."""
        del dialect
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:
        """From it."""
        del dialect
        return None if value is None else date.fromisoformat(value)
