"""The store's ports as dicts; tests/contract/test_store.py holds them and the SQLite store to the same promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.distributions import Distribution
from bot.domain.refs import Project, RefAction, RefChange
from bot.domain.releases import Attempt, Receipt, Release, ReleaseState


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

    def own(self, name: str, project_id: int) -> None:
        """The first one stays."""
        self.owners.setdefault(name, project_id)


class FakeReleaseRows:
    """See bot.ports.store.Queue, Waker and Register."""

    def __init__(self, *releases: Release) -> None:
        self.rows: dict[str, Release] = {release.key: release for release in releases}

    def release(self, key: str) -> Release | None:
        """The row, or None."""
        return self.rows.get(key)

    def due(self, now: datetime, limit: int) -> tuple[Release, ...]:
        """Longest overdue first."""
        due = [(row.due_at, key) for key, row in self.rows.items() if row.due_at is not None and row.due_at <= now]
        return tuple(self.rows[key] for _, key in sorted(due)[:limit])

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

    def wake_ref(self, project_id: int, ref: str, now: datetime) -> int:
        """Every release of the ref that waits."""
        keys = [key for key, row in self.rows.items() if (row.id.project_id, row.id.ref) == (project_id, ref)]
        return sum(self.wake(key, now) for key in keys)

    def find(self, project: str, ref: str) -> Release | None:
        """The newest."""
        return next((row for row in self.releases(project) if row.id.ref == ref), None)

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """Newest first."""
        rows = sorted(self.rows.values(), key=lambda row: row.key)
        rows.sort(key=lambda row: row.created_at, reverse=True)
        return tuple(row for row in rows if project in (None, row.project, str(row.id.project_id)))

    def add(self, release: Release) -> bool:
        """Unless it exists."""
        if release.key in self.rows:
            return False
        self.rows[release.key] = release
        return True


@dataclass(slots=True)
class FakeIntake:
    """See bot.ports.store.Intake."""

    rows: FakeReleaseRows = field(default_factory=FakeReleaseRows)
    seen: set[tuple[int, str, str, str]] = field(default_factory=set)
    baselines: dict[int, dict[str, str]] = field(default_factory=dict)
    cursors: dict[str, datetime] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> int:
        """New changes and releases; a withdrawn one begins anew."""
        new = {(c.project_id, c.ref, c.sha, c.action.value) for c in changes} - self.seen
        self.seen |= new
        for change in changes:
            if change.action is RefAction.DELETED:
                self.baselines.get(change.project_id, {}).pop(change.ref, None)
        for release in releases:
            row = self.rows.release(release.key)
            if row is None:
                self.rows.add(release)
            elif row.state is ReleaseState.WITHDRAWN:
                self.rows.wake(release.key, now, reopen=True)
        return len(new)

    def known_tags(self, project_id: int) -> dict[str, str] | None:
        """The baseline, or None."""
        return self.baselines.get(project_id)

    def enrolled(self, projects: Sequence[Project], now: datetime) -> None:
        """By id."""
        self.projects |= {project.id: project for project in projects}

    def compared(
        self,
        project: Project,
        tags: dict[str, str],
        changes: Sequence[RefChange],
        releases: Sequence[Release],
        now: datetime,
    ) -> int:
        """The new baseline with its changes."""
        self.enrolled([project], now)
        self.baselines[project.id] = dict(tags)
        return self.take(changes, releases, now)

    def cursor(self, name: str, value: datetime | None = None) -> datetime | None:
        """Read, after storing `value`."""
        if value is not None:
            self.cursors[name] = value
        return self.cursors.get(name)
