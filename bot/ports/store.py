"""What the loop and the engine keep. Every method is one short transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.distributions import Distribution
from bot.domain.findings import Finding
from bot.domain.refs import Project, RefChange
from bot.domain.releases import Attempt, Receipt, Release


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


class Kept(Protocol):
    """The distributions that belong to a release, and who owns their names."""

    def files(self, key: str) -> tuple[Distribution, ...]:
        """The kept distributions of a release."""

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Replace them."""

    def owner(self, name: str) -> int | None:
        """The project recorded for a normalised (PEP 503) distribution name, or None."""

    def own(self, name: str, project_id: int) -> None:
        """Record the owner of a name; the first one stays."""


class Queue(Protocol):
    """Releases as rows with `due_at`: what turns are made from."""

    def release(self, key: str) -> Release | None:
        """The row, or None."""

    def due(self, now: datetime, limit: int) -> tuple[Release, ...]:
        """Rows whose `due_at` has come, longest overdue first."""

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

    def wake_ref(self, project_id: int, ref: str, now: datetime) -> int:
        """Ask for a turn now of every release of that ref that waits for one; returns how many there were."""


class Intake(Protocol):
    """Ref changes in, releases out; known refs move with them in one transaction."""

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> int:
        """Store ref changes and the releases they start; returns how many changes were new.

        What is known is left alone, save that a withdrawn release begins anew: its tag is back at that commit. A
        deleted tag is forgotten, so that it counts as new when it comes back.
        """

    def known_tags(self, project_id: int) -> dict[str, str] | None:
        """Tag name -> commit as last compared; None if the project has no baseline yet."""

    def enrolled(self, projects: Sequence[Project], now: datetime) -> None:
        """Store identity and time of projects; what is newly known of one replaces what was."""

    def compared(
        self,
        project: Project,
        tags: dict[str, str],
        changes: Sequence[RefChange],
        releases: Sequence[Release],
        now: datetime,
    ) -> int:
        """Store a project's new baseline with the changes that the comparison found; returns how many were new."""

    def cursor(self, name: str, value: datetime | None = None) -> datetime | None:
        """Read a named moment of GitLab's clock; with `value`, store it first."""


class Register(Protocol):
    """What people ask of the records."""

    def find(self, project: str, ref: str) -> Release | None:
        """The newest release of a project (full path, or id as text) at a ref."""

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """All releases, newest first, of one project or of all."""

    def add(self, release: Release) -> bool:
        """Add a release that a person asked for; False if it exists."""


class FindingHistory(Protocol):
    """When findings of audits were first seen, and when they were gone."""

    def open_findings(self) -> dict[str, tuple[str, str, datetime]]:
        """What is not fixed as far as anybody looked: identity -> rule, resource, and when it was first seen."""

    def note(self, seen: Sequence[Finding], fixed: Sequence[str], at: datetime) -> None:
        """Keep what an audit found at `at`, and the identities that it found fixed.

        What is known keeps the moment it was first seen; what was fixed and is back begins anew.
        """
