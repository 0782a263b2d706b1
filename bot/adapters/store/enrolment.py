"""Which projects are watched and which are to be looked at. See bot.ports.store.Enrolment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.tokens import forget_projects
from bot.domain.refs import Project
from bot.ports.store import Due, Spread, Urgency

BATCH = 50  # rows a transaction: short ones let turns through


class SqliteEnrolment:
    """See bot.ports.store.Enrolment and Hints; it also answers what people ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrolled(
        self,
        projects: Sequence[Project],
        now: datetime,
        urgency: Urgency | None = None,
        spread: Spread | None = None,
    ) -> None:
        """Store identity and time of projects; a new path or name replaces the old one."""
        for start in range(0, len(projects), BATCH):
            batch = projects[start : start + BATCH]
            with self._database.begin() as connection:
                later = {} if spread is None else _later(connection, [project.id for project in batch], spread)
                for project in batch:
                    enrol(connection, project, now)
                    if urgency is not None:
                        _ask(connection, project.id, urgency, now, due=later.get(project.id))

    def heard_of(self, since: datetime) -> int:
        """How many projects that are watched a webhook told of since then."""
        table = schema.projects
        query = select(func.count()).select_from(table).where(table.c.heard_at > since, table.c.left_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def heard(self, project_id: int, now: datetime) -> None:
        """A webhook told of a push to a project."""
        with self._database.begin() as connection:
            connection.execute(_HEARD, {"of": project_id, "now": now})

    def left(self, now: datetime, *, ids: Sequence[int] = (), unseen_since: datetime | None = None) -> tuple[str, ...]:
        """Mark projects as watched no longer; returns their paths."""
        table = schema.projects
        gone: ColumnElement[bool] = table.c.id.in_(ids)
        if unseen_since is not None:
            gone = or_(gone, table.c.seen_at.is_(None), table.c.seen_at < unseen_since)
        with self._database.begin() as connection:
            query = select(table.c.id, table.c.full_path).where(gone, table.c.left_at.is_(None))
            found = connection.execute(query)
            rows = found.all()
            for row in rows:
                connection.execute(update(table).where(table.c.id == row.id).values(left_at=now))
            watched = exists().where(table.c.id == schema.looks.c.project_id, table.c.left_at.is_(None))
            connection.execute(delete(schema.looks).where(~watched))
            forget_projects(connection, [row.id for row in rows])
            return tuple(sorted(row.full_path for row in rows))

    def due(self, now: datetime, limit: int) -> tuple[Due, ...]:
        """Projects to look at now, the most urgent first."""
        looks, projects = schema.looks, schema.projects
        query = (
            select(projects, looks.c.tries, looks.c.hinted)
            .join(looks, looks.c.project_id == projects.c.id)
            .where(looks.c.due_at <= now, projects.c.left_at.is_(None))
            .order_by(looks.c.urgency, looks.c.due_at, looks.c.project_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = connection.execute(query).mappings()
            return tuple(Due(project=_project(row), tries=row["tries"], hinted=row["hinted"]) for row in found)

    def put_off(self, project_id: int, until: datetime | None) -> None:
        """Try again then, or forget it."""
        table = schema.looks
        with self._database.begin() as connection:
            if until is None:
                connection.execute(delete(table).where(table.c.project_id == project_id))
            else:
                later = update(table).where(table.c.project_id == project_id)
                connection.execute(later.values(due_at=until, tries=table.c.tries + 1))

    def ask(self, project_id: int, path: str, now: datetime) -> None:
        """Somebody told of a project: look whether it is ours, and at its refs."""
        with self._database.begin() as connection:
            ask_hinted(connection, project_id, path, now)

    def watched(self, project_id: int) -> bool:
        """Whether the project is one of those enrolled."""
        table = schema.projects
        with self._database.read() as connection:
            query = select(table.c.id).where(table.c.id == project_id, table.c.left_at.is_(None))
            return connection.execute(query).first() is not None

    def enrolled_at(self, project_id: int) -> datetime | None:
        """When a project that is watched was enrolled first."""
        table = schema.projects
        with self._database.read() as connection:
            query = select(table.c.enrolled_at).where(table.c.id == project_id, table.c.left_at.is_(None))
            return connection.execute(query).scalar_one_or_none()

    def project(self, project_id: int) -> Project | None:
        """An enrolled project as last seen."""
        with self._database.read() as connection:
            query = select(schema.projects).where(schema.projects.c.id == project_id)
            row = connection.execute(query).mappings().first()
            return None if row is None else _project(row)

    def counts(self) -> tuple[int, int]:
        """How many projects are watched, and how many of them are still to be looked at for the first time."""
        table = schema.projects
        watched = select(func.count()).select_from(table).where(table.c.left_at.is_(None))
        with self._database.read() as connection:
            return (
                connection.execute(watched).scalar_one(),
                connection.execute(watched.where(table.c.compared_at.is_(None))).scalar_one(),
            )


def enrol(connection: Connection, project: Project, now: datetime) -> None:
    """Insert or refresh one project."""
    values = {
        "id": project.id,
        "full_path": project.full_path,
        "web_url": project.web_url,
        "default_branch": project.default_branch,
        "seen_at": now,
        "left_at": None,
        "enrolled_at": now,
    }
    connection.execute(_ENROL, values)


def _enrol() -> Insert:
    names = ("full_path", "web_url", "default_branch", "seen_at", "left_at")
    statement = upsert(schema.projects).values({name: bindparam(name) for name in (*names, "id", "enrolled_at")})
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={name: statement.excluded[name] for name in names}
    )


_ENROL = _enrol()  # made once, see bot.adapters.store.intake
_HEARD = update(schema.projects).where(schema.projects.c.id == bindparam("of")).values(heard_at=bindparam("now"))


def ask_hinted(connection: Connection, project_id: int, path: str, now: datetime) -> None:
    """Ask for a look at a project that may be unknown; what is said of it is not believed, only its id is used."""
    values = {"id": project_id, "full_path": path, "web_url": "", "enrolled_at": now, "seen_at": now}
    connection.execute(upsert(schema.projects).values(**values).on_conflict_do_nothing())
    back = update(schema.projects).where(schema.projects.c.id == project_id)
    connection.execute(back.values(left_at=None))
    _ask(connection, project_id, Urgency.HINTED, now, hinted=True)


def _later(connection: Connection, ids: Sequence[int], spread: Spread) -> dict[int, datetime]:
    """When those are to be looked at that need not be looked at now."""
    table = schema.projects
    query = select(table.c.id, table.c.compared_at).where(
        table.c.id.in_(ids), table.c.heard_at > spread.heard_since, table.c.compared_at > spread.compared_since
    )
    return {row.id: row.compared_at + spread.apart for row in connection.execute(query)}


def _ask(
    connection: Connection,
    project_id: int,
    urgency: Urgency,
    now: datetime,
    *,
    hinted: bool = False,
    due: datetime | None = None,
) -> None:
    if urgency is Urgency.BASELINE:
        table = schema.projects
        compared = select(table.c.compared_at).where(table.c.id == project_id)
        if connection.execute(compared).scalar_one() is not None:
            return
    values = {
        "project_id": project_id,
        "urgency": urgency.value,
        "hinted": hinted,
        "asked_at": now,
        "due_at": due or now,
    }
    connection.execute(_ASK, values)


def _asking() -> Insert:
    looks = schema.looks
    names = ("project_id", "urgency", "hinted", "asked_at", "due_at")
    statement = upsert(looks).values({name: bindparam(name) for name in names} | {"tries": 0})
    # What was put off keeps its time: asking again does not make GitLab well. Nor is anything looked at later for it.
    keeps = or_(looks.c.tries > 0, looks.c.due_at < statement.excluded.due_at)
    anew = {
        "urgency": case(
            (looks.c.urgency < statement.excluded.urgency, looks.c.urgency), else_=statement.excluded.urgency
        ),
        "hinted": or_(looks.c.hinted, statement.excluded.hinted),
        "asked_at": statement.excluded.asked_at,
        "due_at": case((keeps, looks.c.due_at), else_=statement.excluded.due_at),
    }
    return statement.on_conflict_do_update(index_elements=["project_id"], set_=anew)


_ASK = _asking()


def _project(row: RowMapping) -> Project:
    return Project(
        id=row["id"], full_path=row["full_path"], web_url=row["web_url"], default_branch=row["default_branch"]
    )
