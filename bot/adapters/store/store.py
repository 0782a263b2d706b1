"""The state of the bot: releases, evidence, kept files, ref changes. See bot.ports.store for the promises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, case, delete, false, insert, literal, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import rows, schema
from bot.adapters.store.findings import SqliteFindings
from bot.adapters.store.rows import Redact
from bot.domain.distributions import Distribution
from bot.domain.refs import Project, RefAction, RefChange
from bot.domain.releases import Attempt, Receipt, Release

DELIVERY_MEMORY = timedelta(days=7)
MOST_ID_DIGITS = 18  # an INTEGER of SQLite takes these


class SqliteLedger:
    """See bot.ports.store.Ledger."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self._engine = engine
        self._redact = redact

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """All tries of a release, oldest first."""
        table = schema.attempts
        with self._engine.begin() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.number))
            return tuple(rows.attempt_of(row) for row in found.mappings())

    def attempt(self, key: str, attempt: Attempt) -> None:
        """Write a try, or its outcome under the same number."""
        values = rows.attempt_values(attempt, self._redact)
        statement = upsert(schema.attempts).values(release=key, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["release", "number"], set_=values))

    def receipts(self, key: str) -> tuple[Receipt, ...]:
        """All proofs of a release, oldest first."""
        table = schema.receipts
        with self._engine.begin() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.id))
            return tuple(rows.receipt_of(row) for row in found.mappings())

    def record(self, key: str, receipts: Sequence[Receipt]) -> None:
        """Add proofs that are not there yet."""
        with self._engine.begin() as connection:
            for receipt in receipts:
                values = rows.receipt_values(receipt, self._redact)
                connection.execute(upsert(schema.receipts).values(release=key, **values).on_conflict_do_nothing())


class SqliteKept:
    """See bot.ports.store.Kept."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self._engine = engine
        self._redact = redact

    def files(self, key: str) -> tuple[Distribution, ...]:
        """The kept distributions of a release."""
        table = schema.files
        with self._engine.begin() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.filename))
            return tuple(rows.file_of(row) for row in found.mappings())

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Replace them."""
        with self._engine.begin() as connection:
            connection.execute(delete(schema.files).where(schema.files.c.release == key))
            for file in files:
                connection.execute(insert(schema.files).values(release=key, **rows.file_values(file, self._redact)))

    def owner(self, name: str) -> int | None:
        """The project recorded for a normalised name, or None."""
        with self._engine.begin() as connection:
            return connection.execute(
                select(schema.names.c.project_id).where(schema.names.c.name == name)
            ).scalar_one_or_none()

    def own(self, name: str, project_id: int) -> None:
        """Record the owner of a name; the first one stays."""
        with self._engine.begin() as connection:
            connection.execute(upsert(schema.names).values(name=name, project_id=project_id).on_conflict_do_nothing())


class SqliteReleases:
    """See bot.ports.store.Queue, Waker and Register."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self._engine = engine
        self._redact = redact

    def release(self, key: str) -> Release | None:
        """The row, or None."""
        found = self._select(schema.releases.c.key == key)
        return found[0] if found else None

    def due(self, now: datetime, limit: int) -> tuple[Release, ...]:
        """Rows whose `due_at` has come, longest overdue first."""
        table = schema.releases
        query = select(table).where(table.c.due_at <= now).order_by(table.c.due_at, table.c.key).limit(limit)
        with self._engine.begin() as connection:
            return tuple(rows.release_of(row) for row in connection.execute(query).mappings())

    def finish(self, release: Release, wake_seen: int) -> bool:
        """One UPDATE: the row, the turn's number, and the wake-up that came meanwhile."""
        table = schema.releases
        values = rows.release_values(release, self._redact)
        # Typed by hand: within `case` a bare datetime would be written in SQLAlchemy's own format and sort otherwise.
        now, due = (literal(moment, schema.Moment) for moment in (release.updated_at, release.due_at))
        asked_anew = table.c.asked_at > release.asked_at
        woken = (table.c.wake > wake_seen) if release.state.open else false()
        values["due_at"] = case((or_(asked_anew, woken), now), else_=due)
        statement = (
            update(table)
            .where(table.c.key == release.key, table.c.turn == release.turn)
            .values(**values, turn=release.turn + 1, wake_seen=wake_seen)
        )
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def wake(self, key: str, now: datetime, *, reopen: bool = False) -> bool:
        """Ask for a turn now. Without `reopen` a release that came to its end stays as it is."""
        table = schema.releases
        values: dict[str, Any] = {"wake": table.c.wake + 1, "due_at": now}
        statement = update(table).where(table.c.key == key)
        if reopen:
            values |= {"asked_at": now, "state": "planned", "faults": 0}
        else:
            statement = statement.where(table.c.due_at.is_not(None))
        with self._engine.begin() as connection:
            return connection.execute(statement.values(**values)).rowcount == 1

    def wake_ref(self, project_id: int, ref: str, now: datetime) -> int:
        """Ask for a turn now of every release of that ref that waits for one."""
        table = schema.releases
        waiting = (table.c.project_id == project_id, table.c.ref == ref, table.c.due_at.is_not(None))
        with self._engine.begin() as connection:
            values: dict[str, Any] = {"wake": table.c.wake + 1, "due_at": now}
            return connection.execute(update(table).where(*waiting).values(**values)).rowcount

    def find(self, project: str, ref: str) -> Release | None:
        """The newest release of a project (full path, or id as text) at a ref."""
        table = schema.releases
        found = self._select(_of_project(project), table.c.ref == ref)
        return found[0] if found else None

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """All releases, newest first, of one project or of all."""
        return self._select() if project is None else self._select(_of_project(project))

    def add(self, release: Release) -> bool:
        """Add a release that a person asked for; False if it exists."""
        with self._engine.begin() as connection:
            return add_release(connection, release, self._redact)

    def _select(self, *where: Any) -> tuple[Release, ...]:
        table = schema.releases
        query = select(table).where(*where).order_by(table.c.created_at.desc(), table.c.key)
        with self._engine.begin() as connection:
            return tuple(rows.release_of(row) for row in connection.execute(query).mappings())


def _of_project(project: str) -> ColumnElement[bool]:
    """A project by its id, as text of at most 18 digits, or by its path."""
    table = schema.releases
    by_id = project.isascii() and project.isdecimal() and len(project) <= MOST_ID_DIGITS
    return table.c.project_id == int(project) if by_id else table.c.project == project


class SqliteIntake:
    """See bot.ports.store.Intake."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self._engine = engine
        self._redact = redact

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> int:
        """Store ref changes and the releases they start; returns how many changes were new."""
        with self._engine.begin() as connection:
            return self._take(connection, changes, releases, now)

    def known_tags(self, project_id: int) -> dict[str, str] | None:
        """Tag name -> commit as last compared; None without a baseline."""
        with self._engine.begin() as connection:
            compared = connection.execute(
                select(schema.projects.c.compared_at).where(schema.projects.c.id == project_id)
            ).scalar_one_or_none()
            if compared is None:
                return None
            found = connection.execute(select(schema.tags).where(schema.tags.c.project_id == project_id))
            return {row["name"]: row["sha"] for row in found.mappings()}

    def compared(
        self,
        project: Project,
        tags: dict[str, str],
        changes: Sequence[RefChange],
        releases: Sequence[Release],
        now: datetime,
    ) -> int:
        """The new baseline, the changes and their releases, in one transaction."""
        with self._engine.begin() as connection:
            new = self._take(connection, changes, releases, now)
            enrol(connection, project, now)
            table = schema.tags
            found = connection.execute(select(table.c.name, table.c.sha).where(table.c.project_id == project.id))
            before = {row["name"]: row["sha"] for row in found.mappings()}
            for name in before.keys() - tags.keys():
                connection.execute(delete(table).where(table.c.project_id == project.id, table.c.name == name))
            for name, sha in tags.items():
                if before.get(name) != sha:
                    statement = upsert(table).values(project_id=project.id, name=name, sha=sha)
                    connection.execute(
                        statement.on_conflict_do_update(index_elements=["project_id", "name"], set_={"sha": sha})
                    )
            connection.execute(
                update(schema.projects).where(schema.projects.c.id == project.id).values(compared_at=now)
            )
            return new

    def enrolled(self, projects: Sequence[Project], now: datetime) -> None:
        """Store identity and time of projects; a new path or name replaces the old one."""
        with self._engine.begin() as connection:
            for project in projects:
                enrol(connection, project, now)

    def project(self, project_id: int) -> Project | None:
        """An enrolled project as last seen."""
        with self._engine.begin() as connection:
            row = (
                connection.execute(select(schema.projects).where(schema.projects.c.id == project_id)).mappings().first()
            )
            if row is None:
                return None
            return Project(
                id=row["id"], full_path=row["full_path"], web_url=row["web_url"], default_branch=row["default_branch"]
            )

    def cursor(self, name: str, value: datetime | None = None) -> datetime | None:
        """Read a named moment; with `value`, store it first."""
        table = schema.cursors
        with self._engine.begin() as connection:
            if value is not None:
                statement = upsert(table).values(name=name, moment=value)
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"moment": value}))
            return connection.execute(select(table.c.moment).where(table.c.name == name)).scalar_one_or_none()

    def remember(self, delivery: str, digest: str, now: datetime) -> bool:
        """Store a webhook's delivery id with the digest of its body; False if that id came with another body.

        Ids older than a week are forgotten: GitLab offers no redelivery beyond that.
        """
        table = schema.deliveries
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.at < now - DELIVERY_MEMORY))
            connection.execute(upsert(table).values(id=delivery, digest=digest, at=now).on_conflict_do_nothing())
            return bool(connection.execute(select(table.c.digest).where(table.c.id == delivery)).scalar_one() == digest)

    def forget(self, now: datetime) -> int:
        """Delete webhook ids older than a week, see `remember`; returns how many."""
        table = schema.deliveries
        with self._engine.begin() as connection:
            return connection.execute(delete(table).where(table.c.at < now - DELIVERY_MEMORY)).rowcount

    def once(self, name: str, text: str) -> str:
        """Store a text under a name unless there is one, and return the one that is there."""
        table = schema.cursors
        with self._engine.begin() as connection:
            connection.execute(upsert(table).values(name=name, text=text).on_conflict_do_nothing())
            return str(connection.execute(select(table.c.text).where(table.c.name == name)).scalar_one())

    def _take(
        self, connection: Connection, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime
    ) -> int:
        new = 0
        for change in changes:
            values = {
                "project_id": change.project_id,
                "project": change.project,
                "kind": change.kind.value,
                "ref": change.ref,
                "sha": change.sha,
                "action": change.action.value,
                "source": change.source.value,
                "at": now,
            }
            new += connection.execute(upsert(schema.ref_changes).values(**values).on_conflict_do_nothing()).rowcount
            if change.action is RefAction.DELETED:
                gone = (schema.tags.c.project_id == change.project_id, schema.tags.c.name == change.ref)
                connection.execute(delete(schema.tags).where(*gone))
        table = schema.releases
        for release in releases:
            if not add_release(connection, release, self._redact):
                # A tag that was deleted or moved away is back at this commit.
                again = {"state": "planned", "asked_at": now, "due_at": now, "wake": table.c.wake + 1, "faults": 0}
                withdrawn = (table.c.key == release.key, table.c.state == "withdrawn")
                connection.execute(update(table).where(*withdrawn).values(**again))
        return new


def add_release(connection: Connection, release: Release, redact: Redact) -> bool:
    """Insert a release unless its key is there."""
    values = {
        **rows.release_values(release, redact),
        "key": release.key,
        "project_id": release.id.project_id,
        "kind": release.id.kind.value,
        "ref": release.id.ref,
        "sha": release.id.sha,
        "created_at": release.created_at,
        "asked_at": release.asked_at,
        "turn": release.turn,
        "wake": release.wake,
        "wake_seen": release.wake,
    }
    return connection.execute(upsert(schema.releases).values(**values).on_conflict_do_nothing()).rowcount == 1


def enrol(connection: Connection, project: Project, now: datetime) -> None:
    """Insert or refresh one project."""
    seen = {"full_path": project.full_path, "web_url": project.web_url, "default_branch": project.default_branch}
    statement = upsert(schema.projects).values(id=project.id, **seen, enrolled_at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=seen))


class Store:
    """All of the state on one engine."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self.engine = engine
        self.ledger = SqliteLedger(engine, redact)
        self.kept = SqliteKept(engine, redact)
        self.releases = SqliteReleases(engine, redact)
        self.intake = SqliteIntake(engine, redact)
        self.findings = SqliteFindings(engine, redact)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
