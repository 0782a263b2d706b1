"""The ledger's entries: appended inside the transaction of what they tell of, never changed, checked against it.

Every transaction begins as the only writer (see `open._begin`), so the entry that is read as the last one stays the
last one until the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, insert, or_, select

from bot.adapters.store import begun as begun_requests
from bot.adapters.store import rows, schema
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.ledger import NOTHING, Broken, Chain, Entry, EntryKind, Written, entry
from bot.domain.releases import Attempt, AttemptOutcome, Receipt

LONGEST_PLACE = 1_000  # characters of a request's path: PostgreSQL indexes no more than 2,704 bytes, words hold it all
PAGE = 1_000  # entries read at a time: other writers wait no longer than that takes
# What is no write: a claim has no outcome yet, what was put off was not sent, an install check changes nothing outside.
_UNSENT = frozenset({AttemptOutcome.CLAIMED, AttemptOutcome.PUT_OFF})
_LOCAL = "install:"

_LEDGER = schema.ledger
_LAST = select(_LEDGER.c.sequence, _LEDGER.c.digest).order_by(_LEDGER.c.sequence.desc()).limit(1)
_INSERT = insert(_LEDGER).values({column.name: bindparam(column.name) for column in _LEDGER.c})


def append(connection: Connection, written: Written) -> Entry:
    """Add an entry to the chain, within the caller's transaction."""
    last = connection.execute(_LAST).one_or_none()
    sequence, previous = (0, NOTHING) if last is None else (last.sequence, last.digest)
    new = entry(sequence + 1, written, previous)
    connection.execute(_INSERT, _values(new))
    return new


def of_attempt(key: str, attempt: Attempt, redact: Redact) -> Written | None:
    """What a try's outcome adds; None for what is no write."""
    if attempt.outcome in _UNSENT or attempt.target.startswith(_LOCAL):
        return None
    return Written(
        at=attempt.at,
        kind=EntryKind.ATTEMPT,
        place=key,
        words=redact(attempt.words or f"{attempt.target} {attempt.item}"),
        outcome=attempt.outcome.value,
        target=attempt.target,
        item=attempt.item,
        number=attempt.number,
    )


def of_receipt(key: str, receipt: Receipt, redact: Redact) -> Written:
    """What a proof adds."""
    what = receipt.file or receipt.target
    return Written(
        at=receipt.at,
        kind=EntryKind.RECEIPT,
        place=key,
        words=redact(f"{what} stands on {receipt.target}" if receipt.file else f"{what} is in place"),
        outcome=receipt.kind,
        target=receipt.target,
        where=redact(receipt.where),
        file=receipt.file or "",
        sha256=receipt.sha256 or "",
    )


def _request(words: str, place: str, outcome: str, at: datetime) -> Written:
    return Written(at=at, kind=EntryKind.REQUEST, place=place, words=words, outcome=outcome)


class SqliteJournal:
    """See bot.ports.store.Journal."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def requesting(self, method: str, path: str, at: datetime) -> str:
        """Write down a request before it is sent; those that a dead process left are settled with it."""
        words, place = self._told(method, path)
        with self._database.begin() as connection:
            self._settle(connection, at)
            return begun_requests.note(connection, words, place, at)

    def requested(self, method: str, path: str, outcome: str, at: datetime, *, begun: str = "") -> None:
        """Note how it ended; what was not sent is crossed out and no more."""
        words, place = self._told(method, path)
        with self._database.begin() as connection:
            begun_requests.cross_out(connection, begun)
            if outcome:
                append(connection, _request(words, place, outcome, at))

    def settle(self, now: datetime) -> int:
        """What a dead process left comes into the ledger, at the time it was begun."""
        with self._database.begin() as connection:
            return self._settle(connection, now)

    def _settle(self, connection: Connection, now: datetime) -> int:
        rows = begun_requests.left(connection, now)
        for row in rows:
            append(connection, _request(row["words"], row["place"], AttemptOutcome.UNCLEAR.value, row["at"]))
        return len(rows)

    def _told(self, method: str, path: str) -> tuple[str, str]:
        """Words and place of a request."""
        return self._redact(f"{method.upper()} {path}"), self._redact(path)[:LONGEST_PLACE]

    def commanded(self, written: Written) -> None:
        """Note a command that somebody gave, and how it ended."""
        told = replace(written, words=self._redact(written.words), where=self._redact(written.where))
        with self._database.begin() as connection:
            append(connection, told)

    def entries(self, *prefixes: str) -> Iterator[Entry]:
        """All entries, oldest first, or those whose place begins with one of these."""
        query = select(_LEDGER).order_by(_LEDGER.c.sequence).limit(PAGE)
        if prefixes:
            query = query.where(or_(*(func.substr(_LEDGER.c.place, 1, len(text)) == text for text in prefixes)))
        seen = 0
        while True:
            with self._database.read() as connection:
                page = connection.execute(query.where(_LEDGER.c.sequence > seen)).mappings()
                found = [entry_of(row) for row in page]
            yield from found
            if len(found) < PAGE:
                return
            seen = found[-1].sequence

    def verify(self, noted: tuple[int, str] | None = None) -> tuple[Chain, Broken | None]:
        """Follow the whole chain, then hold all tries and proofs on record against it."""
        chain = Chain()
        for row in self.entries():
            broken = chain.follow(row)
            if broken is None and noted is not None and row.sequence == noted[0] and row.digest != noted[1]:
                broken = Broken(sequence=row.sequence, what="it is not the one whose digest was noted")
            if broken is not None:
                return chain, broken
        if noted is not None and chain.sequence < noted[0]:
            return chain, Broken(sequence=noted[0], what="it was noted and is gone: the ledger was cut")
        with self._database.read() as connection:  # each question sees one moment, and both are written in one
            return chain, _first_lie(connection)


def _first_lie(connection: Connection) -> Broken | None:
    """The first entry whose try or proof is not on record any more, or the first of these without an entry."""
    for kind, table, columns, ours in _TWINS:
        match = and_(
            _LEDGER.c.place == table.c.release,
            _LEDGER.c.kind == kind.value,
            *(_LEDGER.c[name] == table.c[other] for name, other in columns.items()),
        )
        alone = select(_LEDGER.c.sequence).where(_LEDGER.c.kind == kind.value, ~select(table).where(match).exists())
        lost = connection.execute(alone.order_by(_LEDGER.c.sequence).limit(1)).scalar_one_or_none()
        if lost is not None:
            return Broken(sequence=lost, what=f"the {kind.value} on record is another, or gone")
        untold = select(table).where(ours, ~select(_LEDGER).where(match).exists()).limit(1)
        row = connection.execute(untold).mappings().one_or_none()
        if row is not None:
            what = f"the {kind.value} of {row['release']} for {row['target']} has no entry"
            return Broken(sequence=None, what=what)
    return None


_ATTEMPT = {name: name for name in ("target", "item", "number", "outcome")}
_RECEIPT = {name: name for name in ("target", "where", "file", "sha256")} | {"outcome": "kind"}
_SENT = and_(
    schema.attempts.c.outcome.not_in([outcome.value for outcome in _UNSENT]),
    ~schema.attempts.c.target.startswith(_LOCAL),
)
_TWINS = (
    (EntryKind.ATTEMPT, schema.attempts, _ATTEMPT, _SENT),
    (EntryKind.RECEIPT, schema.receipts, _RECEIPT, schema.receipts.c.id.is_not(None)),
)


def begin(connection: Connection) -> None:
    """Take into an empty ledger what a file of an earlier version has on record, in the order of its times."""
    if connection.execute(_LAST).one_or_none() is not None:
        return
    tries = connection.execute(select(schema.attempts)).mappings()
    proofs = connection.execute(select(schema.receipts).order_by(schema.receipts.c.id)).mappings()
    told = [of_attempt(row["release"], rows.attempt_of(row), str) for row in tries]
    told += [of_receipt(row["release"], rows.receipt_of(row), str) for row in proofs]
    for written in sorted((one for one in told if one is not None), key=lambda one: one.at):
        append(connection, written)


def _values(new: Entry) -> dict[str, object]:
    names = [column.name for column in _LEDGER.c if column.name not in ("sequence", "previous", "digest", "kind")]
    told = {name: getattr(new.written, name) for name in names}
    return {
        "sequence": new.sequence,
        "previous": new.previous,
        "digest": new.digest,
        "kind": new.written.kind.value,
        **told,
    }


def entry_of(row: RowMapping) -> Entry:
    """An entry from its row."""
    told = {name: row[name] for name in row if name not in ("sequence", "previous", "digest", "kind")}
    written = Written(kind=EntryKind(row["kind"]), **told)
    return Entry(sequence=row["sequence"], written=written, previous=row["previous"], digest=row["digest"])
