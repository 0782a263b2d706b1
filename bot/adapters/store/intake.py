"""Ref changes, known refs and cursors. See bot.ports.store.Intake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import BindParameter, Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.enrolment import enrol
from bot.adapters.store.heads import keep_head
from bot.adapters.store.releases import add_release
from bot.adapters.store.rows import Redact
from bot.domain.refs import KnownRefs, RefAction, RefChange, RefKind
from bot.domain.releases import Release
from bot.ports.store import Comparison, Taken

TABLES = {RefKind.TAG: schema.tags, RefKind.BRANCH: schema.branches}


# Made once: to build a statement costs SQLAlchemy more than to run it, and hooks come by the hundred a second.
_PROJECT: BindParameter[int] = bindparam("project_id")
_PATTERNS = select(schema.branch_patterns.c.pattern).where(schema.branch_patterns.c.project_id == _PROJECT)
_COMPARED = select(schema.projects.c.compared_at).where(schema.projects.c.id == _PROJECT)
_REFS = {
    table.name: select(table.c.name, table.c.sha).where(table.c.project_id == _PROJECT) for table in TABLES.values()
}
_CHANGE = (
    upsert(schema.ref_changes)
    .values({column.name: bindparam(column.name) for column in schema.ref_changes.c if column.name != "id"})
    .on_conflict_do_nothing()
)


class SqliteIntake:
    """See bot.ports.store.Intake."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def take(self, changes: Sequence[RefChange], releases: Sequence[Release], now: datetime) -> Taken:
        """Store ref changes and the releases they start."""
        with self._database.begin() as connection:
            return self.take_within(connection, changes, releases, now)

    def known(self, project_id: int) -> KnownRefs:
        """The project's refs as last compared."""
        with self._database.read() as connection:
            found = connection.execute(_PATTERNS, {"project_id": project_id})
            return KnownRefs(
                tags=_tags(connection, project_id),
                branches=_refs(connection, schema.branches, project_id),
                patterns=frozenset(found.scalars()),
            )

    def compared(self, comparison: Comparison) -> Taken | None:
        """The new baseline, the changes and their releases, in one transaction."""
        project_id, now = comparison.project.id, comparison.now
        with self._database.begin() as connection:
            before = _tags(connection, project_id)
            if before != (None if comparison.basis_tags is None else dict(comparison.basis_tags)):
                return None
            taken = self.take_within(connection, comparison.changes, comparison.releases, now)
            if comparison.head is not None:
                keep_head(connection, comparison.head)
            enrol(connection, comparison.project, now)
            _replace(connection, schema.tags, project_id, comparison.tags)
            _replace(connection, schema.branches, project_id, comparison.branches)
            patterns = schema.branch_patterns
            connection.execute(delete(patterns).where(patterns.c.project_id == project_id))
            for pattern in comparison.patterns:
                connection.execute(upsert(patterns).values(project_id=project_id, pattern=pattern))
            connection.execute(
                update(schema.projects).where(schema.projects.c.id == project_id).values(compared_at=now)
            )
            looks = schema.looks
            answered = (looks.c.project_id == project_id, looks.c.asked_at <= comparison.began)
            connection.execute(delete(looks).where(*answered))
            return taken

    def cursor(self, name: str, value: datetime | None = None, *, keep: bool = False) -> datetime | None:
        """Read a named moment; with `value`, store it first."""
        table = schema.cursors
        with self._database.begin() as connection:
            if value is not None:
                statement = upsert(table).values(name=name, moment=value)
                replacing = statement.on_conflict_do_update(index_elements=["name"], set_={"moment": value})
                connection.execute(statement.on_conflict_do_nothing() if keep else replacing)
            return connection.execute(select(table.c.moment).where(table.c.name == name)).scalar_one_or_none()

    def take_within(
        self, connection: Connection, changes: Iterable[RefChange], releases: Iterable[Release], now: datetime
    ) -> Taken:
        """`take` within a transaction of the caller's."""
        new = sum(_take(connection, change, now) for change in changes)
        begun = {release.key for release in releases if self._begin(connection, release, now)}
        return Taken(changes=new, begun=frozenset(begun))

    def _begin(self, connection: Connection, release: Release, now: datetime) -> bool:
        if add_release(connection, release, self._redact):
            return True
        # A ref that was deleted or moved away is back at this commit.
        table = schema.releases
        again = {"state": "planned", "asked_at": now, "due_at": now, "wake": table.c.wake + 1, "faults": 0}
        withdrawn = (table.c.key == release.key, table.c.state == "withdrawn")
        return connection.execute(update(table).where(*withdrawn).values(**again)).rowcount == 1


def _take(connection: Connection, change: RefChange, now: datetime) -> int:
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
    new = connection.execute(_CHANGE, values).rowcount
    table = TABLES[change.kind]
    this = (table.c.project_id == change.project_id, table.c.name == change.ref)
    if change.action is RefAction.DELETED:
        connection.execute(delete(table).where(*this))
    elif change.kind is RefKind.BRANCH:
        connection.execute(update(table).where(*this).values(sha=change.sha))
    return new


def _tags(connection: Connection, project_id: int) -> dict[str, str] | None:
    compared = connection.execute(_COMPARED, {"project_id": project_id})
    return None if compared.scalar_one_or_none() is None else _refs(connection, schema.tags, project_id)


def _refs(connection: Connection, table: Table, project_id: int) -> dict[str, str]:
    found = connection.execute(_REFS[table.name], {"project_id": project_id})
    return {row.name: row.sha for row in found}


def _replace(connection: Connection, table: Table, project_id: int, refs: Mapping[str, str]) -> None:
    """Write only what differs: a project may have thousands of tags."""
    before = _refs(connection, table, project_id)
    gone = before.keys() - refs.keys()
    if gone:
        this = delete(table).where(table.c.project_id == project_id)
        for name in gone:
            connection.execute(this.where(table.c.name == name))
    new = [
        {"project_id": project_id, "name": name, "sha": sha} for name, sha in refs.items() if before.get(name) != sha
    ]
    if new:
        statement = upsert(table)
        replacing = statement.on_conflict_do_update(
            index_elements=["project_id", "name"], set_={"sha": statement.excluded.sha}
        )
        connection.execute(replacing, new)
