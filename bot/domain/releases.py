"""A release: one project at one tag or branch commit, and what is recorded about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.policy import Source
from bot.domain.refs import RefKind
from bot.domain.verdicts import GateResult


class ReleaseState(StrEnum):
    """Where a release stands. The first five are on their way or done, the others wait for a person."""

    PLANNED = "planned"
    WAITING = "waiting"
    PUBLISHING = "publishing"
    VERIFYING = "verifying"
    PUBLISHED = "published"
    BLOCKED = "blocked"
    PARTIAL = "partial"
    CONFLICT = "conflict"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"

    @property
    def open(self) -> bool:
        """Whether turns still have something to do without a person."""
        return self in _OPEN


STOPPED = frozenset({ReleaseState.BLOCKED, ReleaseState.FAILED, ReleaseState.PARTIAL, ReleaseState.CONFLICT})
"""States in which a release stands still until a person acts."""
_OPEN = frozenset({ReleaseState.PLANNED, ReleaseState.WAITING, ReleaseState.PUBLISHING, ReleaseState.VERIFYING})


class TargetState(StrEnum):
    """Where one target of a release stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    CONFLICT = "conflict"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseId:
    """What a release is pinned to. `sha` is the commit, 40 hex digits."""

    project_id: int
    kind: RefKind
    ref: str
    sha: str

    @property
    def key(self) -> str:
        """`project-id/ref@sha`: stable, unique, fit for a database key and a log line."""
        return f"{self.project_id}/{self.ref}@{self.sha}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof of one effect, read back from where it stands.

    `kind` is `upload` (we sent it), `published` (the project's pipeline did), `found` (it stood there already),
    `release` or `note`; `where` is a URL without credentials; `file` is None for what is not a file. `sha256` is the
    digest of a file, or of a note's text. `at` is UTC.
    """

    target: str
    kind: str
    where: str
    at: datetime
    file: str | None = None
    sha256: str | None = None


UNDECIDED = "auto: decided once its pipeline was looked at"
"""Why a release has no source yet."""

PUBLIC = frozenset({"upload", "published", "release"})
"""Kinds of receipts that prove something of a release in public."""


class AttemptOutcome(StrEnum):
    """How sending one file ended, as far as we know. Only a look at the index says whether it is there.

    `put off` is no try yet: the other side, or the API budget, said that this is not the moment.
    `DENIED` is a refusal of who we are or what we may do there, not of the file.
    """

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DENIED = "denied"
    UNCLEAR = "unclear"
    PUT_OFF = "put off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one effect: written before the act as a claim, updated after it.

    `target` is a target's name; `item` the file name, what is done with a pipeline or its jobs, or `-`.
    `reason` is what the other side said, redacted. `again` is whether it may work later. `words` are those of the
    action, for the ledger; they are not kept with the try.
    """

    target: str
    item: str
    number: int
    outcome: AttemptOutcome
    at: datetime
    reason: str = ""
    again: bool = True
    retry_at: datetime | None = None
    words: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """That a person accepted what a release changes: exactly the differences of that digest, for that release.

    `by` is how the machine knows the person who typed it; `at` is UTC.
    """

    digest: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """One target and how far it is. `name` is one of `distributions index:NAME gitlab_release note:!IID`."""

    name: str
    state: TargetState
    reason: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTurn:
    """A turn whose time has come: `turn` of a release, by its key, which is due since `due_at`."""

    key: str
    project_id: int
    turn: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The record of a release as the store keeps it.

    `asked_at` is when it was last asked for, by its ref change or by a person's `resume`. `heard_at` is when a hook
    first told that its pipeline is under way, which is to say that hooks of it reach us.
    `turn` counts the turns that ended; `wake` counts the wake-ups ever asked for, so that none is lost, and `woken` is
    whether one came since the last turn; `due_at` is
    when the next turn is due (None: nothing to do until a person or a hook asks). `next` says in one sentence what
    happens or who must act. `requests` counts calls to GitLab by phase.
    """

    id: ReleaseId
    project: str
    state: ReleaseState
    created_at: datetime
    updated_at: datetime
    asked_at: datetime
    due_at: datetime | None
    heard_at: datetime | None = None
    turn: int = 0
    wake: int = 0
    woken: bool = False
    faults: int = 0
    version: str | None = None
    source: Source = Source.ARTIFACTS
    source_reason: str = ""
    next: str | None = None
    gates: tuple[GateResult, ...] = ()
    targets: tuple[TargetStatus, ...] = ()
    requests: tuple[tuple[str, int], ...] = ()

    @property
    def key(self) -> str:
        """See ReleaseId.key."""
        return self.id.key
