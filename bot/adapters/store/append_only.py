"""The ledger's table refuses to change what was written to it.

Not even a fault of ours changes it: only who owns the database can, and then `ledger verify` says so.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_ON_SQLITE = [
    f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("UPDATE", "DELETE")
]
_ON_POSTGRESQL = [
    "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE restrict_violation USING MESSAGE = 'the ledger is append-only'; END $$",
    "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()",
]


def protect(ledger: Table) -> None:
    """Make the table's triggers whenever it is made."""
    for dialect, statements in (("sqlite", _ON_SQLITE), ("postgresql", _ON_POSTGRESQL)):
        for statement in statements:
            event.listen(
                ledger,
                "after_create",
                DDL(statement).execute_if(dialect=dialect),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
            )
