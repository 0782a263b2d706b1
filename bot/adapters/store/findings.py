"""When findings were first seen, and when they were fixed. See bot.ports.store.FindingHistory for the promises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, bindparam, case, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store import tokens as token_rows
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.findings import Finding
from bot.domain.tokens import TokenKind, TokenList

AT_ONCE = 500  # rows a statement
LONGEST = 1_000  # characters of a reason: names of others stand in it, which may be of any length
STAMP = "findings"  # the text of that name is another one after each change of the history


class SqliteFindings:
    """See bot.ports.store.FindingHistory."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def open_findings(self) -> dict[str, tuple[str, str, datetime]]:
        """Identity -> rule, resource and when it was first seen."""
        table = schema.findings
        with self._database.read() as connection:
            found = connection.execute(
                select(table.c.identity, table.c.rule, table.c.resource, table.c.first_seen).where(
                    table.c.fixed_at.is_(None)
                )
            )
            return {row.identity: (row.rule, row.resource, row.first_seen) for row in found}

    def token_lists(self) -> frozenset[tuple[str, TokenKind]]:
        """Which lists of tokens are on record."""
        with self._database.read() as connection:
            return token_rows.kept(connection)

    def note(
        self,
        seen: Sequence[Finding],
        fixed: Sequence[str],
        at: datetime,
        tokens: Sequence[TokenList] = (),
        gone: Sequence[tuple[str, TokenKind]] = (),
    ) -> None:
        """One transaction for all."""
        rows = [self._row(one, at) for one in seen]
        with self._database.begin() as connection:
            for place in range(0, len(rows), AT_ONCE):
                connection.execute(_SEEN, rows[place : place + AT_ONCE])
            if fixed:
                table = schema.findings
                mended = update(table).where(table.c.identity == bindparam("gone")).values(fixed_at=at)
                connection.execute(mended, [{"gone": identity} for identity in fixed])
            token_rows.write(connection, tokens, at, self._redact)
            token_rows.forget(connection, gone)
            _stamp(connection)

    def _row(self, one: Finding, at: datetime) -> dict[str, object]:
        return {
            "identity": self._redact(one.identity),
            "rule": one.rule,
            "severity": int(one.severity),
            "project": self._redact(one.project),
            "resource": self._redact(one.resource),
            "scope": self._redact(one.scope),
            "reason": _cut(self._redact(one.reason)),
            "first_seen": at,
            "last_seen": at,
        }


def _seen() -> Insert:
    table = schema.findings
    statement = upsert(table)
    return statement.on_conflict_do_update(
        index_elements=["identity"],
        set_={
            "severity": statement.excluded.severity,
            "project": statement.excluded.project,
            "reason": statement.excluded.reason,
            "last_seen": statement.excluded.last_seen,
            # What was fixed and is back is seen for the first time anew.
            "first_seen": case(
                (table.c.fixed_at.is_not(None), statement.excluded.first_seen), else_=table.c.first_seen
            ),
            "fixed_at": None,
        },
    )


_SEEN = _seen()


def _cut(reason: str) -> str:
    return reason if len(reason) <= LONGEST else f"{reason[:LONGEST]}…"


def _stamp(connection: Connection) -> None:
    statement = upsert(schema.cursors).values(name=STAMP, text=uuid4().hex)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"text": statement.excluded["text"]})
    )
