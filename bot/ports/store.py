"""What the loop and the engine keep. Every method is one short transaction of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol

from bot.domain.consents import Approval, Hold
from bot.domain.distributions import Distribution
from bot.domain.findings import Finding
from bot.domain.hooks import HookPlace, HookRecord
from bot.domain.ledger import Broken, Chain, Entry, Written
from bot.domain.refs import KnownRefs, Project, RefChange
from bot.domain.releases import Acceptance, Attempt, DueTurn, Receipt, Release
from bot.domain.tokens import TokenKind, TokenList
from bot.domain.versioning import NewHead


class Ledger(Protocol):
    """Evidence: what was tried and what was proven, by release key."""

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """All tries of a release, oldest first."""

    def attempt(self, key: str, attempt: Attempt) -> None:
        """Write a try: its claim before the act (a new number), its outcome after it (the same number)."""

    def receipts(self, key: str) -> tuple[Receipt, ...]:
        """All proofs of a release, oldest first."""

    def record(self, key: str, receipts: Sequence[Receipt]) -> None:
        """Add proofs; one that is there already (same target, file and digest) stays as it was."""


class Journal(Protocol):
    """The append-only ledger of every write. Tries and proofs come into it by `Ledger`, in the same transaction."""

    def requesting(self, method: str, path: str, at: datetime) -> str:
        """Write down a request that is to change something on GitLab before it is sent; its id for `requested`."""

    def requested(self, method: str, path: str, outcome: str, at: datetime, *, begun: str = "") -> None:
        """Note how a request ended that was to change something on GitLab; an empty outcome says it was not sent."""

    def settle(self, now: datetime) -> int:
        """Note as `unclear` what was begun long ago and whose end nobody told: its process died. Returns how many."""

    def commanded(self, written: Written) -> None:
        """Note a command that somebody gave in a note, and how it ended."""

    def entries(self, *prefixes: str) -> Iterator[Entry]:
        """All entries, oldest first, or those whose place begins with one of these."""

    def verify(self, noted: tuple[int, str] | None = None) -> tuple[Chain, Broken | None]:
        """Follow the chain and hold tries and proofs on record against it: how far it goes, and what is wrong first.

        `noted` is the number and digest of an entry that somebody wrote down elsewhere: it must be there.
        """


class Kept(Protocol):
    """The distributions that belong to a release, and who owns their names."""

    def files(self, key: str) -> tuple[Distribution, ...]:
        """The kept distributions of a release."""

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Replace them."""

    def owner(self, name: str) -> int | None:
        """The project recorded for a normalised (PEP 503) distribution name, or None."""

    def own(self, name: str, project_id: int) -> int:
        """Record the owner of a name; the first one stays. Returns who owns it now."""


class Holds(Protocol):
    """Refs that somebody holds back, by project and short name."""

    def hold(self, project_id: int, ref: str) -> Hold | None:
        """The hold, whether it is over or not; None without one."""

    def put(self, project_id: int, ref: str, hold: Hold) -> None:
        """Hold a ref; replaces the one before."""

    def lift(self, project_id: int, ref: str) -> Hold | None:
        """Let go of it; returns what was lifted."""


class Approvals(Protocol):
    """Who approved which release, by its key."""

    def approvals(self, key: str) -> tuple[Approval, ...]:
        """Oldest first; one for each person."""

    def approve(self, key: str, approval: Approval) -> bool:
        """Record one; False, and nothing changed, if that person approved it already."""


class Acceptances(Protocol):
    """What people accepted of what a release changes, by release key."""

    def accept(self, key: str, acceptance: Acceptance) -> None:
        """Record one; the first of the same differences stays."""

    def accepted(self, key: str) -> tuple[Acceptance, ...]:
        """All of a release, oldest first."""


class Queue(Protocol):
    """Releases as rows with `due_at`: what turns are made from."""

    def release(self, key: str) -> Release | None:
        """The row, or None."""

    def due(self, now: datetime, limit: int) -> tuple[DueTurn, ...]:
        """Turns of the rows whose `due_at` has come, longest overdue first."""

    def finish(self, release: Release, wake_seen: int) -> bool:
        """End turn `release.turn`: write the row and count the turn.

        If `wake` moved past `wake_seen` meanwhile and the release is still open, or if it was asked for anew, the row
        becomes due at once, so that no wake-up is lost.
        Returns False, and writes nothing, if that turn was ended by somebody else.
        """

    def wake(self, key: str, now: datetime, *, reopen: bool = False) -> bool:
        """Ask for a turn now of a release that waits for one; with `reopen` also of one that came to its end.

        Reopening makes the release's `asked_at` now. Returns whether there was such a release.
        """


class Waker(Protocol):
    """Wake-ups by what is known of a release from outside."""

    def wake_ref(self, change: RefChange, now: datetime) -> int:
        """Ask for a turn now of every release of that ref that waits; returns how many there were.

        If the ref is gone, or the tag stands at another commit, those that stopped are asked, too: they are withdrawn.
        """

    def wake_misdated(self, now: datetime) -> int:
        """Ask for a turn now of every release that waits and was written, or asked for, at a moment yet to come.

        The clock was set back since, and they would wait until it has caught up. Returns how many there were.
        """

    def heard(self, key: str, now: datetime) -> bool:
        """Note that a hook told of the pipeline of a release that waits; False if there is none, or it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A project's refs as just seen, and what that means.

    `tags` and `branches` (name to commit) become the baseline if that of `basis_tags` (None: there was none) still
    stands; `patterns` are the branch patterns looked at; `began` is when the look began, by our clock. `head` is a new
    commit that may have to be tagged.
    """

    project: Project
    basis_tags: Mapping[str, str] | None
    tags: Mapping[str, str]
    branches: Mapping[str, str]
    patterns: frozenset[str]
    changes: tuple[RefChange, ...]
    releases: tuple[Release, ...]
    began: datetime
    now: datetime
    head: NewHead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was new of what was stored: how many changes, and the keys of the releases that begin or begin anew."""

    changes: int
    begun: frozenset[str]


class Intake(Protocol):
    """Ref changes in, releases out; known refs move with them in one transaction."""

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> Taken:
        """Store ref changes and the releases they start.

        What is known is left alone, save that a withdrawn release begins anew: its ref is back at that commit. A
        deleted ref is forgotten, so that it counts as new when it comes back; a branch is known from then on by the
        commit it was moved to.
        """

    def known(self, project_id: int) -> KnownRefs:
        """The project's refs as last compared."""

    def compared(self, comparison: Comparison) -> Taken | None:
        """Store a comparison: baseline, changes and releases. None, and nothing stored, if the baseline moved since."""

    def cursor(self, name: str, value: datetime | None = None, *, keep: bool = False) -> datetime | None:
        """Read a named moment of GitLab's clock; with `value`, store it first; with `keep`, only if there is none."""


class Urgency(IntEnum):
    """Which projects are looked at first."""

    HINTED = 0
    ACTIVE = 1
    BASELINE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A project whose refs are to be compared. `tries` is how often that failed since it was asked for.

    `hinted` says that somebody else told of it: whether the project is what our record says must be asked first.
    """

    project: Project
    tries: int
    hinted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Looks that may wait: at projects that a hook told of after `heard_since`, compared after `compared_since`.

    The next look at such a project is so long after the last one, its comparison, as `apart` says.
    """

    heard_since: datetime
    compared_since: datetime
    apart: timedelta


class Enrolment(Protocol):
    """Which projects are watched, and which of them are to be looked at."""

    def enrolled(
        self,
        projects: Sequence[Project],
        now: datetime,
        urgency: Urgency | None = None,
        spread: Spread | None = None,
    ) -> None:
        """Store identity and time of projects; what is newly known of one replaces what was.

        With `urgency` a look at each of them is asked for; with BASELINE only at those that have none; at those that
        `spread` speaks of later. A project that had left is back.
        """

    def heard_of(self, since: datetime) -> int:
        """How many projects that are watched a webhook told of since then."""

    def left(self, now: datetime, *, ids: Sequence[int] = (), unseen_since: datetime | None = None) -> tuple[str, ...]:
        """Projects that are not watched any more, by id or because nobody enrolled them since a moment; their paths.

        Their refs and releases stay on record; when their tokens end is forgotten.
        """

    def due(self, now: datetime, limit: int) -> tuple[Due, ...]:
        """Projects to look at now, the most urgent first."""

    def put_off(self, project_id: int, until: datetime | None) -> None:
        """A look failed: try again at `until`, or not until it is asked for anew (None)."""


class Hints(Protocol):
    """What others tell of projects."""

    def watched(self, project_id: int) -> bool:
        """Whether the project is one of those enrolled."""

    def ask(self, project_id: int, path: str, now: datetime) -> None:
        """Ask for a look at a project, which may be unknown or none of ours; only its id is believed."""

    def heard(self, project_id: int, now: datetime) -> None:
        """A webhook told of a push to a project: of one that is enrolled, that is kept."""


class Register(Protocol):
    """What people ask of the records."""

    def find(self, project: str, ref: str) -> Release | None:
        """The newest release of a project (full path, or id as text) at a ref."""

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """All releases, newest first, of one project or of all."""

    def add(self, release: Release) -> bool:
        """Add a release that a person asked for; False if it exists."""

    def stop(self, release: Release, now: datetime) -> bool:
        """Stop a release as a person wants it: state, `next`, gates and `due_at` are the given ones.

        The turn that is under way, if one is, counts as ended: what it would write is refused. False if the release has
        come to its end already.
        """


class HookRecords(Protocol):
    """What we remember of webhooks, since GitLab shows no secret."""

    def records(self) -> Mapping[str, HookRecord]:
        """All places by their name."""

    def keep(self, place: HookPlace, record: HookRecord) -> None:
        """Write what is known of a place now."""

    def resent(self, keys: Collection[str]) -> frozenset[str]:
        """Those of the deliveries that were taken when we asked for them again."""

    def note_resent(self, key: str, now: datetime) -> None:
        """Remember that one was taken; what is older than GitLab's own memory of a week is forgotten."""


class FindingHistory(Protocol):
    """When findings of audits were first seen, and when they were gone."""

    def open_findings(self) -> dict[str, tuple[str, str, datetime]]:
        """What is not fixed as far as anybody looked: identity -> rule, resource, and when it was first seen."""

    def token_lists(self) -> frozenset[tuple[str, TokenKind]]:
        """The places and kinds of which it is known when tokens end."""

    def note(
        self,
        seen: Sequence[Finding],
        fixed: Sequence[str],
        at: datetime,
        tokens: Sequence[TokenList] = (),
        gone: Sequence[tuple[str, TokenKind]] = (),
    ) -> None:
        """Keep what an audit found at `at`, and the identities that it found fixed.

        What is known keeps the moment it was first seen; what was fixed and is back begins anew. A list of `tokens`
        replaces what was known of it; what could not be read stays, and says so. Lists that are `gone` are forgotten.
        """
