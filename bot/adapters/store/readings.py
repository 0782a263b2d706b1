"""What a daemon wrote down of itself, and how many rows there are of which kind: all that `status` shows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.tokens import readings
from bot.domain.readings import BudgetLine, BudgetReading, DaemonReading, SharedBudgetReading
from bot.domain.tokens import TokenReading
from bot.domain.verdicts import Severity

DAEMON = "daemon"


class SqliteReadings:
    """Readings are replaced, not kept: each is one row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, reading: DaemonReading) -> None:
        """Write down what the daemon is like now."""
        values = {"at": reading.at, "reading": _plain(asdict(reading))}
        statement = upsert(schema.readings).values(name=DAEMON, **values)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

    def last(self) -> DaemonReading | None:
        """The last reading; None if no daemon ran on this state, or only one of another version's shape."""
        table = schema.readings
        with self._database.read() as connection:
            found = connection.execute(select(table.c.reading).where(table.c.name == DAEMON)).scalar_one_or_none()
        try:
            return None if found is None else _daemon(found)
        except (KeyError, TypeError, ValueError):
            return None

    def states(self) -> dict[str, int]:
        """How many releases are in each state; states without any are absent."""
        table = schema.releases
        with self._database.read() as connection:
            found = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
            return {str(state): int(count) for state, count in found}

    def due(self, now: datetime) -> int:
        """How many releases wait for a turn that could begin now."""
        table = schema.releases
        with self._database.read() as connection:
            query = select(func.count()).select_from(table).where(table.c.due_at <= now)
            return int(connection.execute(query).scalar_one())

    def findings(self) -> dict[Severity, int]:
        """How many findings of audits are not fixed, as far as anybody looked; severities without any are absent."""
        table = schema.findings
        query = select(table.c.severity, func.count()).where(table.c.fixed_at.is_(None)).group_by(table.c.severity)
        with self._database.read() as connection:
            return {Severity(severity): int(count) for severity, count in connection.execute(query)}

    def tokens(self, today: date) -> tuple[TokenReading, ...]:
        """Tokens that end from a day on, as audits saw them: of those that can publish, and of those that cannot."""
        with self._database.read() as connection:
            return readings(connection, today)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _daemon(row: dict[str, Any]) -> DaemonReading:
    budget = row["budget"]
    lines = (BudgetLine(**{**line, "paused_until": _moment(line["paused_until"])}) for line in budget["lines"])
    return DaemonReading(
        version=str(row["version"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        at=datetime.fromisoformat(row["at"]),
        stopped=bool(row["stopped"]),
        polled_at=_moment(row["polled_at"]),
        budget=BudgetReading(
            instance=str(budget["instance"]),
            lines=tuple(lines),
            last_minute=int(budget["last_minute"]),
            requests=tuple((str(name), str(group), int(count)) for name, group, count in budget["requests"]),
            shared=SharedBudgetReading(**shared) if (shared := budget.get("shared")) else None,
        ),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
