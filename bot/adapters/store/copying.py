"""Copy a whole state into an empty one, in one transaction that ends only once both say the same."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from bot.adapters.store import schema
from bot.adapters.store.replicas import SharedReplicas, database_time
from bot.adapters.store.shared_tables import TABLES, board, sendings
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.ledger import Chain

BATCH = 500  # rows a statement
# What says something of processes that are gone, or of this moment: worth nothing elsewhere.
LEFT_OUT = frozenset({schema.replicas.name, schema.readings.name, sendings.name, board.name})
# What a database is marked with when it is first opened, before anything is in it.
MARKS = frozenset({"gitlab", "marker key mark"})
_NUMBERED = (schema.ref_changes, schema.receipts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """Rows by table, and how far the ledger goes."""

    tables: tuple[tuple[str, int], ...]
    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """How many rows there are, and the sum of their digests: the same whatever their order."""

    rows: int
    digest: int


def word(store: Store, name: str) -> str | None:
    """A text by name; None if there is none."""
    table = schema.cursors
    with store.database.read() as connection:
        return connection.execute(select(table.c.text).where(table.c.name == name)).scalar_one_or_none()


def must_be_idle(store: Store, shown: str) -> None:
    """Make sure that nobody is at work on a shared state; a file has a lock for that.

    Raises: ConfigError with who is, or may be; TransientError.
    """
    if not store.database.shared:
        return
    living = [one for one in SharedReplicas(store.database).members() if one.alive]
    if living:
        what = f"is in use by {', '.join(one.id for one in living)}"
        raise ConfigError(what=what, where=shown, remedy="Stop all replicas first")
    with store.database.aside() as connection:
        query = select(func.count()).select_from(sendings).where(sendings.c.until >= database_time())
        if connection.execute(query).scalar_one():
            what = "a replica that is gone may still be sending a file"
            raise ConfigError(what=what, where=shown, remedy="Try again in a few minutes")


def copy(
    source: Store, target: Store, *, shown: tuple[str, str], without: frozenset[str], words: Mapping[str, str]
) -> Copied:
    """Copy all of `source` into `target`, which must be empty, but for the texts named `without`; then set `words`.

    Nobody writes to either meanwhile. `shown` are their addresses. All or nothing is there at the end.
    Raises: ConfigError if somebody is at work on one of them, the target holds something, or one of them is not sound;
    TransientError.
    """
    try:
        with _still(source) as here, _still(target) as there:
            # From here on nobody can give a first sign of life. Whoever did while the states were opened is at work.
            for store, address in zip((source, target), shown, strict=True):
                must_be_idle(store, address)
            _must_be_sound(source, shown[0])
            _must_be_empty(there, shown[1])
            there.execute(delete(schema.cursors).where(schema.cursors.c.name.in_(MARKS)))
            counts = [(table.name, _copy(here, there, table, shown[1], without)) for table in _tables()]
            for name, said in words.items():
                there.execute(insert(schema.cursors).values(name=name, text=said))
            if target.database.shared:
                _number_on(there)
            chain = _must_be_sound(target, shown[1])
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())[:300]
        raise ConfigError(what=f"cannot take it: {said}", where=shown[1], remedy="Nothing was copied") from None
    return Copied(tables=tuple(counts), chain=chain)


def back_up(path: Path, to: Path) -> int:
    """Copy a SQLite file while others write to it; returns how many bytes. `to` must not exist.

    Raises: ConfigError.
    """
    try:
        to.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise ConfigError(what=f"cannot be made: {error.strerror}", where=str(to), remedy="Name a new file") from None
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as copied:
            source.backup(copied)
            (verdict,) = copied.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        to.unlink()
        raise ConfigError(what=f"cannot be copied: {error}", where=str(path), remedy="Is there room?") from None
    if verdict != "ok":
        to.unlink()
        raise ConfigError(what=f"is damaged: {verdict}", where=str(path), remedy="Restore an earlier copy")
    return to.stat().st_size


def _tables() -> list[Table]:
    return [table for table in TABLES.sorted_tables if table.name not in LEFT_OUT]


@contextmanager
def _still(store: Store) -> Iterator[Connection]:
    """One transaction in which nobody else writes, however long it takes."""
    with store.database.gather(), store.database.begin() as connection:
        if store.database.shared:
            for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
                connection.execute(text(f"SET LOCAL {name} = 0"))
        yield connection


def _must_be_empty(connection: Connection, shown: str) -> None:
    for table in _tables():
        query = select(func.count()).select_from(table)
        if table is schema.cursors:
            query = query.where(table.c.name.not_in(MARKS))
        if connection.execute(query).scalar_one():
            what = f"holds a state already (table {table.name})"
            raise ConfigError(what=what, where=shown, remedy="Nothing was changed. Copy into a new file or database")


def _must_be_sound(store: Store, shown: str) -> Chain:
    chain, broken = store.journal.verify()
    if broken is not None:
        where = "" if broken.sequence is None else f" at entry {broken.sequence}"
        what = f"its ledger is broken{where}: {broken.what}"
        raise ConfigError(what=what, where=shown, remedy="Nothing was changed; see `ropewalk ledger verify`")
    return chain


def _copy(here: Connection, there: Connection, table: Table, shown: str, without: frozenset[str]) -> int:
    statement = insert(table).values({column.name: bindparam(column.name) for column in table.c})
    wanted = _Sum(rows=0, digest=0)
    found = here.execute(_all(table)).mappings()
    for part in found.partitions(BATCH):
        rows = [_plain(row) for row in part if not (table is schema.cursors and row["name"] in without | MARKS)]
        if rows:
            there.execute(statement, rows)
            wanted = _added(wanted, rows)
    copied = _Sum(rows=0, digest=0)
    for part in there.execute(_all(table)).mappings().partitions(BATCH):
        copied = _added(copied, [dict(row) for row in part])
    if copied != wanted:
        what = f"does not keep the table {table.name} as it is ({copied.rows} of {wanted.rows} rows)"
        raise ConfigError(what=what, where=shown, remedy="Nothing was copied. Please report it")
    return wanted.rows


def _all(table: Table) -> Select[Any]:
    return select(table).execution_options(yield_per=BATCH)


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row without NUL in its texts, which PostgreSQL cannot store and nobody can read."""
    return {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in row.items()}


def _added(total: _Sum, rows: list[dict[str, Any]]) -> _Sum:
    digests = (hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).digest() for row in rows)
    added = sum(int.from_bytes(digest) for digest in digests)
    return _Sum(rows=total.rows + len(rows), digest=(total.digest + added) % 2**256)


def _number_on(connection: Connection) -> None:
    """What the database numbers goes on behind what was copied."""
    for table in _NUMBERED:
        last = connection.execute(select(func.max(table.c.id))).scalar_one()
        if last is not None:
            connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))
