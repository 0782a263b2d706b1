"""The store's ports as dicts; tests/contract/test_store.py holds them and the SQLite store to the same promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.distributions import Distribution
from bot.domain.refs import KnownRefs, Project, RefAction, RefChange, RefKind
from bot.domain.releases import STOPPED, Attempt, DueTurn, Receipt, Release, ReleaseState
from bot.domain.replicas import APART
from bot.ports.store import Comparison, Due, Spread, Taken, Urgency


@dataclass(slots=True)
class FakeLedger:
    """See bot.ports.store.Ledger."""

    tries: dict[str, dict[int, Attempt]] = field(default_factory=dict)
    proofs: dict[str, list[Receipt]] = field(default_factory=dict)

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """Oldest first."""
        return tuple(attempt for _, attempt in sorted(self.tries.get(key, {}).items()))

    def attempt(self, key: str, attempt: Attempt) -> None:
        """By its number."""
        self.tries.setdefault(key, {})[attempt.number] = attempt

    def receipts(self, key: str) -> tuple[Receipt, ...]:
        """Oldest first."""
        return tuple(self.proofs.get(key, ()))

    def record(self, key: str, receipts: Sequence[Receipt]) -> None:
        """What is new by target, file and digest."""
        there = self.proofs.setdefault(key, [])
        for new in receipts:
            if not any((r.target, r.file, r.sha256) == (new.target, new.file, new.sha256) for r in there):
                there.append(new)


@dataclass(slots=True)
class FakeKept:
    """See bot.ports.store.Kept."""

    kept: dict[str, tuple[Distribution, ...]] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)

    def files(self, key: str) -> tuple[Distribution, ...]:
        """By file name."""
        return tuple(sorted(self.kept.get(key, ()), key=lambda file: file.filename))

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Replace them."""
        self.kept[key] = tuple(files)

    def owner(self, name: str) -> int | None:
        """The project, or None."""
        return self.owners.get(name)

    def own(self, name: str, project_id: int) -> int:
        """The first one stays."""
        return self.owners.setdefault(name, project_id)


class FakeReleaseRows:
    """See bot.ports.store.Queue, Waker and Register."""

    def __init__(self, *releases: Release) -> None:
        self.rows: dict[str, Release] = {release.key: release for release in releases}

    def release(self, key: str) -> Release | None:
        """The row, or None."""
        return self.rows.get(key)

    def due(self, now: datetime, limit: int) -> tuple[DueTurn, ...]:
        """Longest overdue first."""
        due = [(row.due_at, key) for key, row in self.rows.items() if row.due_at is not None and row.due_at <= now]
        return tuple(
            DueTurn(key=key, project_id=self.rows[key].id.project_id, turn=self.rows[key].turn, due_at=at)
            for at, key in sorted(due)[:limit]
        )

    def finish(self, release: Release, wake_seen: int) -> bool:
        """Write the row if that turn is still open."""
        row = self.rows[release.key]
        if row.turn != release.turn:
            return False
        again = row.asked_at > release.asked_at or (release.state.open and row.wake > wake_seen)
        self.rows[release.key] = replace(
            release,
            turn=row.turn + 1,
            wake=row.wake,
            woken=row.wake != wake_seen,
            asked_at=row.asked_at,
            due_at=release.updated_at if again else release.due_at,
        )
        return True

    def wake(self, key: str, now: datetime, *, reopen: bool = False) -> bool:
        """Make it due, if it waits or `reopen`."""
        row = self.rows.get(key)
        if row is None or (row.due_at is None and not reopen):
            return False
        row = replace(row, wake=row.wake + 1, due_at=now, woken=True)
        if reopen:
            row = replace(row, asked_at=now, state=ReleaseState.PLANNED, faults=0)
        self.rows[key] = row
        return True

    def wake_ref(self, change: RefChange, now: datetime) -> int:
        """Every release of the ref that waits, and those that stopped where the ref left them."""
        gone = change.action is RefAction.DELETED
        woken = 0
        for key, row in self.rows.items():
            if (row.id.project_id, row.id.ref) != (change.project_id, change.ref):
                continue
            left = gone or (change.kind is RefKind.TAG and row.id.sha != change.sha)
            if row.due_at is not None or (left and row.id.kind is change.kind and row.state in STOPPED):
                self.rows[key] = replace(row, wake=row.wake + 1, due_at=now, woken=True)
                woken += 1
        return woken

    def wake_misdated(self, now: datetime) -> int:
        """Those of a moment yet to come."""
        apart = now + APART
        late = [
            key
            for key, row in self.rows.items()
            if row.due_at is not None and row.due_at > now and max(row.updated_at, row.asked_at) > apart
        ]
        for key in late:
            self.rows[key] = replace(self.rows[key], due_at=now)
        return len(late)

    def heard(self, key: str, now: datetime) -> bool:
        """The first word counts."""
        row = self.rows.get(key)
        if row is None or row.due_at is None or row.heard_at is not None:
            return False
        self.rows[key] = replace(row, heard_at=now)
        return True

    def find(self, project: str, ref: str) -> Release | None:
        """The newest."""
        return next((row for row in self.releases(project) if row.id.ref == ref), None)

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """Newest first."""
        rows = sorted(self.rows.values(), key=lambda row: row.key)
        rows.sort(key=lambda row: row.created_at, reverse=True)
        return tuple(row for row in rows if project in (None, row.project, str(row.id.project_id)))

    def stop(self, release: Release, now: datetime) -> bool:
        """Unless it is at its end."""
        row = self.rows[release.key]
        if row.due_at is None:
            return False
        self.rows[release.key] = replace(
            row,
            state=release.state,
            next=release.next,
            gates=release.gates,
            updated_at=now,
            due_at=release.due_at,
            turn=row.turn + 1,
        )
        return True

    def add(self, release: Release) -> bool:
        """Unless it exists."""
        if release.key in self.rows:
            return False
        self.rows[release.key] = release
        return True


@dataclass(slots=True)
class FakeLook:
    """A look that was asked for."""

    urgency: Urgency
    hinted: bool
    asked_at: datetime
    due_at: datetime
    tries: int = 0


@dataclass(slots=True)
class FakeIntake:
    """See bot.ports.store.Intake, Enrolment and Hints."""

    rows: FakeReleaseRows = field(default_factory=FakeReleaseRows)
    seen: set[tuple[int, str, str, str]] = field(default_factory=set)
    baselines: dict[int, KnownRefs] = field(default_factory=dict)
    cursors: dict[str, datetime] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    seen_at: dict[int, datetime] = field(default_factory=dict)
    heard_at: dict[int, datetime] = field(default_factory=dict)
    compared_at: dict[int, datetime] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    looks: dict[int, FakeLook] = field(default_factory=dict)

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> Taken:
        """New changes and releases; a withdrawn one begins anew."""
        new = {(c.project_id, c.ref, c.sha, c.action.value) for c in changes} - self.seen
        self.seen |= new
        for change in changes:
            self._know(change)
        begun = set()
        for release in releases:
            row = self.rows.release(release.key)
            if row is None:
                self.rows.add(release)
                begun.add(release.key)
            elif row.state is ReleaseState.WITHDRAWN:
                self.rows.wake(release.key, now, reopen=True)
                begun.add(release.key)
        return Taken(changes=len(new), begun=frozenset(begun))

    def _know(self, change: RefChange) -> None:
        known = self.known(change.project_id)
        tags = None if known.tags is None else dict(known.tags)
        branches = dict(known.branches)
        heads = tags if change.kind is RefKind.TAG else branches
        if heads is not None and change.action is RefAction.DELETED:
            heads.pop(change.ref, None)
        elif change.kind is RefKind.BRANCH and change.ref in branches:
            branches[change.ref] = change.sha
        self.baselines[change.project_id] = replace(known, tags=tags, branches=branches)

    def known(self, project_id: int) -> KnownRefs:
        """The baseline."""
        return self.baselines.get(project_id, KnownRefs())

    def compared(self, comparison: Comparison) -> Taken | None:
        """The new baseline with its changes."""
        project = comparison.project
        if self.known(project.id).tags != comparison.basis_tags:
            return None
        self.enrolled([project], comparison.now)
        self.compared_at[project.id] = comparison.now
        taken = self.take(comparison.changes, comparison.releases, comparison.now)
        self.baselines[project.id] = KnownRefs(
            tags=dict(comparison.tags), branches=dict(comparison.branches), patterns=comparison.patterns
        )
        look = self.looks.get(project.id)
        if look is not None and look.asked_at <= comparison.began:
            del self.looks[project.id]
        return taken

    def cursor(self, name: str, value: datetime | None = None, *, keep: bool = False) -> datetime | None:
        """Read, after storing `value`."""
        if value is not None and not (keep and name in self.cursors):
            self.cursors[name] = value
        return self.cursors.get(name)

    def enrolled(
        self,
        projects: Sequence[Project],
        now: datetime,
        urgency: Urgency | None = None,
        spread: Spread | None = None,
    ) -> None:
        """By id."""
        for project in projects:
            self.projects[project.id] = project
            self.seen_at[project.id] = now
            self.gone.discard(project.id)
            first = self.known(project.id).tags is None
            if urgency is not None and (urgency is not Urgency.BASELINE or first):
                self._ask(project.id, urgency, now, hinted=False, due=self._later(project.id, spread) or now)

    def _later(self, project_id: int, spread: Spread | None) -> datetime | None:
        heard, compared = self.heard_at.get(project_id), self.compared_at.get(project_id)
        if spread is None or heard is None or compared is None:
            return None
        spared = heard > spread.heard_since and compared > spread.compared_since
        return compared + spread.apart if spared else None

    def _ask(self, project_id: int, urgency: Urgency, now: datetime, *, hinted: bool, due: datetime) -> None:
        look = self.looks.setdefault(project_id, FakeLook(urgency, hinted, now, due))
        look.urgency, look.hinted, look.asked_at = min(look.urgency, urgency), look.hinted or hinted, now
        if not look.tries:
            look.due_at = min(look.due_at, due)

    def heard(self, project_id: int, now: datetime) -> None:
        """Of one that is there."""
        if project_id in self.projects:
            self.heard_at[project_id] = now

    def heard_of(self, since: datetime) -> int:
        """Of those that are not gone."""
        return sum(at > since for number, at in self.heard_at.items() if self.watched(number))

    def left(self, now: datetime, *, ids: Sequence[int] = (), unseen_since: datetime | None = None) -> tuple[str, ...]:
        """By id or last sight."""
        new = {
            number
            for number, at in self.seen_at.items()
            if number not in self.gone and (number in ids or (unseen_since is not None and at < unseen_since))
        }
        self.gone |= new
        for number in new:
            self.looks.pop(number, None)
        return tuple(sorted(self.projects[number].full_path for number in new))

    def due(self, now: datetime, limit: int) -> tuple[Due, ...]:
        """The most urgent first."""
        found = sorted((one.urgency, one.due_at, number) for number, one in self.looks.items() if one.due_at <= now)
        looks = [(self.projects[number], self.looks[number]) for _, _, number in found[:limit]]
        return tuple(Due(project=project, tries=look.tries, hinted=look.hinted) for project, look in looks)

    def put_off(self, project_id: int, until: datetime | None) -> None:
        """Later or never."""
        if until is None:
            self.looks.pop(project_id, None)
        elif project_id in self.looks:
            self.looks[project_id].due_at = until
            self.looks[project_id].tries += 1

    def watched(self, project_id: int) -> bool:
        """Enrolled and not gone."""
        return project_id in self.projects and project_id not in self.gone

    def ask(self, project_id: int, path: str, now: datetime) -> None:
        """By id."""
        unknown = Project(id=project_id, full_path=path, web_url="", default_branch=None)
        self.projects.setdefault(project_id, unknown)
        self.seen_at.setdefault(project_id, now)
        self.gone.discard(project_id)
        self._ask(project_id, Urgency.HINTED, now, hinted=True, due=now)
