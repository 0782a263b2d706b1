"""Releases as rows. See bot.ports.store.Queue, Waker and Register."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    false,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import rows, schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.refs import RefAction, RefChange, RefKind
from bot.domain.releases import STOPPED, DueTurn, Release
from bot.domain.replicas import APART

_STOPPED = tuple(state.value for state in STOPPED)
_R = schema.releases
_DUE = (
    select(_R.c.key, _R.c.project_id, _R.c.turn, _R.c.due_at)
    .where(_R.c.due_at <= bindparam("now", type_=Moment))
    .order_by(_R.c.due_at, _R.c.key)
    .limit(bindparam("most", type_=Integer))
)
MOST_ID_DIGITS = 18  # an INTEGER of SQLite takes these


class SqliteReleases:
    """See bot.ports.store.Queue, Waker and Register."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def release(self, key: str) -> Release | None:
        """The row, or None."""
        found = self._select(schema.releases.c.key == key)
        return found[0] if found else None

    def due(self, now: datetime, limit: int) -> tuple[DueTurn, ...]:
        """Turns whose time has come, longest overdue first: asked for twice a second, so no more of a row is read."""
        with self._database.read() as connection:
            found = connection.execute(_DUE, {"now": now, "most": limit}).mappings()
            return tuple(DueTurn(**row) for row in found)

    def finish(self, release: Release, wake_seen: int) -> bool:
        """One UPDATE: the row, the turn's number, and the wake-up that came meanwhile."""
        table = schema.releases
        values = rows.release_values(release, self._redact)
        # Typed by hand: within `case` a bare datetime would be written in SQLAlchemy's own format and sort otherwise.
        now, due = (literal(moment, Moment) for moment in (release.updated_at, release.due_at))
        asked_anew = table.c.asked_at > release.asked_at
        woken = (table.c.wake > wake_seen) if release.state.open else false()
        values["due_at"] = case((or_(asked_anew, woken), now), else_=due)
        statement = (
            update(table)
            .where(table.c.key == release.key, table.c.turn == release.turn)
            .values(**values, turn=release.turn + 1, wake_seen=wake_seen)
        )
        with self._database.begin() as connection:
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
        with self._database.begin() as connection:
            return connection.execute(statement.values(**values)).rowcount == 1

    def wake_misdated(self, now: datetime) -> int:
        """Ask for a turn of those that a clock wrote which was set back since."""
        table = schema.releases
        misdated = or_(table.c.updated_at > now + APART, table.c.asked_at > now + APART)
        with self._database.begin() as connection:
            return connection.execute(update(table).where(table.c.due_at > now, misdated).values(due_at=now)).rowcount

    def wake_ref(self, change: RefChange, now: datetime) -> int:
        """Ask for a turn now of every release of that ref that waits, or that stopped and is to be withdrawn."""
        table = schema.releases
        asked: ColumnElement[bool] = table.c.due_at.is_not(None)
        if change.action is RefAction.DELETED or change.kind is RefKind.TAG:
            stopped = and_(table.c.kind == change.kind.value, table.c.state.in_(_STOPPED))
            left = true() if change.action is RefAction.DELETED else table.c.sha != change.sha
            asked = or_(asked, and_(stopped, left))
        of_ref = (table.c.project_id == change.project_id, table.c.ref == change.ref)
        with self._database.begin() as connection:
            values: dict[str, Any] = {"wake": table.c.wake + 1, "due_at": now}
            return connection.execute(update(table).where(*of_ref, asked).values(**values)).rowcount

    def heard(self, key: str, now: datetime) -> bool:
        """Note that a hook told of the release's pipeline; its first word is enough."""
        table = schema.releases
        waiting = (table.c.key == key, table.c.due_at.is_not(None), table.c.heard_at.is_(None))
        with self._database.begin() as connection:
            return connection.execute(update(table).where(*waiting).values(heard_at=now)).rowcount == 1

    def find(self, project: str, ref: str) -> Release | None:
        """The newest release of a project (full path, or id as text) at a ref."""
        table = schema.releases
        found = self._select(_of_project(project), table.c.ref == ref)
        return found[0] if found else None

    def releases(self, project: str | None = None) -> tuple[Release, ...]:
        """All releases, newest first, of one project or of all."""
        return self._select() if project is None else self._select(_of_project(project))

    def stop(self, release: Release, now: datetime) -> bool:
        """One UPDATE, which also takes the turn's number away from whoever works on it."""
        table = schema.releases
        written = rows.release_values(release, self._redact)
        values = {name: written[name] for name in ("state", "next", "gates", "due_at")} | {"updated_at": now}
        statement = update(table).where(table.c.key == release.key, table.c.due_at.is_not(None))
        with self._database.begin() as connection:
            return connection.execute(statement.values(**values, turn=table.c.turn + 1)).rowcount == 1

    def published_before(self, release: Release) -> str | None:
        """The commit of the newest published release of the same ref that began before this one; None without one."""
        table = schema.releases
        query = (
            select(table.c.sha)
            .where(
                table.c.project_id == release.id.project_id,
                table.c.kind == release.id.kind.value,
                table.c.ref == release.id.ref,
                table.c.sha != release.id.sha,
                table.c.state == "published",
                table.c.created_at < release.created_at,
            )
            .order_by(table.c.created_at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def add(self, release: Release) -> bool:
        """Add a release that a person asked for; False if it exists."""
        with self._database.begin() as connection:
            return add_release(connection, release, self._redact)

    def _select(self, *where: Any) -> tuple[Release, ...]:
        table = schema.releases
        query = select(table).where(*where).order_by(table.c.created_at.desc(), table.c.key)
        with self._database.read() as connection:
            return tuple(rows.release_of(row) for row in connection.execute(query).mappings())


def _of_project(project: str) -> ColumnElement[bool]:
    """A project by its id, as text of at most 18 digits, or by its path."""
    table = schema.releases
    by_id = project.isascii() and project.isdecimal() and len(project) <= MOST_ID_DIGITS
    return table.c.project_id == int(project) if by_id else table.c.project == project


def add_release(connection: Connection, release: Release, redact: Redact) -> bool:
    """Insert a release unless its key is there."""
    values: dict[str, object] = {
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
        "heard_at": release.heard_at,
    }
    return connection.execute(_ADD, values).rowcount == 1


# Made once, see bot.adapters.store.intake.
_ADD = (
    upsert(schema.releases)
    .values({column.name: bindparam(column.name) for column in schema.releases.c if column.name != "fence"})
    .on_conflict_do_nothing()
)
