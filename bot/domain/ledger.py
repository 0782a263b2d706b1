"""The ledger: every write the bot made, each entry hashing the one before, so that none is changed or lost unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

NOTHING = "0" * 64
"""What the first entry names as the one before it."""


class EntryKind(StrEnum):
    """A try at an effect with its outcome, a proof that was read back, a request to change something on GitLab, or a
    command that somebody gave, with who it was and where: in a note, on the dashboard, on the command line.
    """

    ATTEMPT = "attempt"
    RECEIPT = "receipt"
    REQUEST = "request"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an entry tells. `place` is a release's key, or the path on GitLab of a request; `words` what was done there.

    `target`, `item` and `number` are those of a try (number 0 for all else), `where`, `file` and `sha256` those of a
    proof; empty where there is none. Everything is redacted.
    """

    at: datetime
    kind: EntryKind
    place: str
    words: str
    outcome: str
    target: str = ""
    item: str = ""
    number: int = 0
    where: str = ""
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger. `sequence` counts from 1 without gaps; `previous` and `digest` are sha256 in hex."""

    sequence: int
    written: Written
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first thing that is not as it was written. `sequence` is the entry's number, None for a lack of one."""

    sequence: int | None
    what: str


def moment(at: datetime) -> str:
    """A time as the canonical form has it: UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(sequence: int, written: Written, previous: str) -> str:
    """The text that is hashed: JSON with sorted keys, without spaces, in UTF-8."""
    fields = {**asdict(written), "at": moment(written.at), "kind": written.kind.value}
    whole = {"sequence": sequence, "previous": previous, **fields}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def entry(sequence: int, written: Written, previous: str) -> Entry:
    """The entry that comes after the one with the digest `previous`."""
    text = canonical(sequence, written, previous)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Entry(sequence=sequence, written=written, previous=previous, digest=digest)


class Chain:
    """Follows the chain one entry at a time."""

    def __init__(self) -> None:
        self.sequence = 0
        self.digest = NOTHING

    def follow(self, row: Entry) -> Broken | None:
        """What is wrong with the next entry, or None."""
        expected = self.sequence + 1
        if row.sequence != expected:
            missing = (
                f"entry {expected} is missing" if row.sequence > expected else "it stands where it does not belong"
            )
            return Broken(sequence=row.sequence, what=missing)
        if row.previous != self.digest:
            return Broken(sequence=row.sequence, what="it names another entry than the one before it")
        if entry(row.sequence, row.written, row.previous).digest != row.digest:
            return Broken(sequence=row.sequence, what="its text was changed after it was written")
        self.sequence, self.digest = row.sequence, row.digest
        return None


def first_broken(rows: Iterable[Entry]) -> Broken | None:
    """The first entry of a whole ledger that breaks the chain, or None."""
    chain = Chain()
    return next((broken for row in rows if (broken := chain.follow(row)) is not None), None)
