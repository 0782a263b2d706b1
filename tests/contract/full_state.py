"""A state with something in every table, made by the store where things hang together, else by the columns' types."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Table, insert, select
from sqlalchemy import Text as TextType

from bot.adapters.store.columns import Day, Moment
from bot.adapters.store.copying import LEFT_OUT, MARKS
from bot.adapters.store.shared_tables import TABLES
from bot.adapters.store.store import Store
from bot.domain.releases import AttemptOutcome, Receipt
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON, SDIST, WHEEL, attempt, digest_of

KEY = planned().key
ROWS = 3
_MADE = ("releases", "attempts", "receipts", "ledger")


def fill(store: Store) -> None:
    """Put releases with tries, proofs and their ledger into it, and rows into every other table."""
    for number in range(ROWS):
        store.releases.add(planned(number + 1))
    for number, file in enumerate((WHEEL, SDIST), 1):
        tried = replace(attempt(AttemptOutcome.CLAIMED, item=file, number=number), words=f"upload {file}")
        store.ledger.attempt(KEY, tried)
        store.ledger.attempt(KEY, replace(tried, outcome=AttemptOutcome.ACCEPTED, at=NOON + timedelta(seconds=number)))
        where = "https://index.example.com/ä"
        proof = Receipt(target="index:x", kind="upload", where=where, at=NOON, file=file, sha256=digest_of(file))
        store.ledger.record(KEY, [proof])
    store.journal.requested("put", "/projects/42/variables/TWINE_PASSWORD", "accepted", NOON)
    with store.engine.begin() as connection:
        for table in TABLES.sorted_tables:
            if table.name not in LEFT_OUT and table.name not in _MADE:
                connection.execute(insert(table), [_row(table, number) for number in range(1, ROWS + 1)])


def rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All that a copy must hold, by table and in one order."""
    found: dict[str, list[dict[str, Any]]] = {}
    with store.engine.begin() as connection:
        for table in TABLES.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            listed = [dict(row) for row in connection.execute(select(table)).mappings()]
            listed = [row for row in listed if not (table.name == "cursors" and row["name"] in MARKS)]
            found[table.name] = sorted(listed, key=str)
    return found


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(column, number) for column in table.c}


def _value(column: Column[Any], number: int) -> Any:
    """Of the column's type; NULL where it may be, in every third row."""
    if column.nullable and number % ROWS == 0:
        return None
    if isinstance(column.type, Moment):
        return NOON + timedelta(microseconds=number)
    if isinstance(column.type, Day):
        return NOON.date() + timedelta(days=number)
    if isinstance(column.type, JSON):
        return [{"b": number, "a": None, "ü": "é"}]
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, TextType):
        return f"{column.name} {number} “ü”\n\ttab"
    if column.type.python_type is int:
        return 2**40 + number
    return str(number)
