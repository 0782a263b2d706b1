"""Watched projects as the dashboard shows them. See bot.ports.views.ProjectViews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, func, select

from bot.adapters.store import schema, token_tables
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.adapters.store.heads import head_of
from bot.adapters.store.tokens import GROUP, PROJECT, known
from bot.adapters.store.views.findings import project_in
from bot.adapters.store.views.releases import LIGHT, row_of
from bot.adapters.store.views.within import within
from bot.domain.releases import STOPPED, ReleaseState
from bot.domain.tokens import Expiries
from bot.domain.verdicts import Severity
from bot.domain.versioning import NewHead
from bot.domain.views import Attention, ProjectFilter, ProjectRow, ProjectTally, ReleaseRow

_P, _R, _F, _T = schema.projects, schema.releases, schema.findings, token_tables.tokens
_COLUMNS = (_P.c.id, _P.c.full_path, _P.c.web_url, _P.c.default_branch, _P.c.enrolled_at, _P.c.compared_at)
STUCK = tuple(sorted(state.value for state in STOPPED - {ReleaseState.BLOCKED}))
_OVER = (ReleaseState.PUBLISHED.value, ReleaseState.WITHDRAWN.value)
EXPIRING = "RW314"  # the rule about tokens that end soon, or never
_UNKNOWN = '"verdict": "unknown"'  # as gates are written down; within a reason its quotes would be escaped


class StoredProjectViews:
    """See bot.ports.views.ProjectViews."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def projects(self, wanted: ProjectFilter, after: str | None, limit: int) -> tuple[ProjectRow, ...]:
        """In the database's own order of paths."""
        where = [_P.c.left_at.is_(None), *_chosen(wanted)]
        if wanted.among is not None:
            where.append(within(self._database, _P.c.id, wanted.among))
        if after is not None:
            where.append(_P.c.full_path > after)
        query = select(*_COLUMNS).where(*where).order_by(_P.c.full_path).limit(limit)
        with self._database.read() as connection:
            return tuple(ProjectRow(**row) for row in connection.execute(query).mappings())

    def project(self, project_id: int) -> ProjectRow | None:
        """By its id."""
        query = select(*_COLUMNS).where(_P.c.id == project_id, _P.c.left_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else ProjectRow(**row)

    def head(self, project_id: int) -> NewHead | None:
        """By its id."""
        with self._database.read() as connection:
            return head_of(connection, project_id)

    def paths(self) -> Mapping[int, str]:
        """Of all on record."""
        query = select(_P.c.id, _P.c.full_path)
        with self._database.read() as connection:
            return dict(connection.execute(query).all())

    def group_tokens(self, groups: Sequence[str]) -> Mapping[str, Expiries]:
        """By their paths."""
        with self._database.read() as connection:
            found = known(connection, [f"{GROUP}{path}" for path in groups])
        return {place.removeprefix(GROUP): Expiries(lists=lists) for place, lists in found.items()}

    def tally(self, projects: Sequence[ProjectRow]) -> Mapping[int, ProjectTally]:
        """A few questions for all of them."""
        ids = [one.id for one in projects]
        with self._database.read() as connection:
            states = _states(connection, ids)
            shipped, unknown = _shipped(connection, ids), _unknown(connection, ids)
            findings, expiring = _findings(connection, projects)
            tokens = known(connection, [f"{PROJECT}{id_}" for id_ in ids])
        return {
            id_: ProjectTally(
                shipped=shipped.get(id_),
                states=states[id_],
                unknown=unknown.get(id_, 0),
                findings=findings[id_],
                expiring=id_ in expiring,
                tokens=Expiries(lists=tokens.get(f"{PROJECT}{id_}", ())),
            )
            for id_ in ids
        }


def _chosen(wanted: ProjectFilter) -> list[ColumnElement[bool]]:
    where = [func.lower(_P.c.full_path).contains(word, autoescape=True) for word in wanted.text.lower().split()]

    def has(*states: str) -> ColumnElement[bool]:
        return exists().where(_R.c.project_id == _P.c.id, _R.c.state.in_(states))

    match wanted.attention:
        case Attention.STUCK:
            where.append(has(*STUCK))
        case Attention.BLOCKED:
            where.append(has(ReleaseState.BLOCKED.value))
        case Attention.UNSHIPPED:
            where.append(~has(ReleaseState.PUBLISHED.value))
        case Attention.FINDINGS:
            where.append(exists().where(_F.c.project == _P.c.full_path, _F.c.fixed_at.is_(None)))
        case Attention.EXPIRING:
            by = wanted.ends_by or date.max
            where.append(exists().where(_T.c.project_id == _P.c.id, _T.c.expires_on <= by))
        case None:
            pass
    return where


def _states(connection: Connection, ids: Sequence[int]) -> Mapping[int, dict[ReleaseState, int]]:
    query = select(_R.c.project_id, _R.c.state, func.count()).where(_R.c.project_id.in_(ids))
    found: dict[int, dict[ReleaseState, int]] = defaultdict(dict)
    for project_id, state, count in connection.execute(query.group_by(_R.c.project_id, _R.c.state)):
        found[project_id][ReleaseState(state)] = count
    return found


def _shipped(connection: Connection, ids: Sequence[int]) -> Mapping[int, ReleaseRow]:
    """The newest published release of each."""
    published = and_(_R.c.project_id.in_(ids), _R.c.state == ReleaseState.PUBLISHED.value)
    newest = (
        select(_R.c.project_id, func.max(_R.c.created_at, type_=Moment).label("at"))
        .where(published)
        .group_by(_R.c.project_id)
        .subquery()
    )
    both = and_(newest.c.project_id == _R.c.project_id, newest.c.at == _R.c.created_at)
    query = select(*LIGHT).join(newest, both).where(published).order_by(_R.c.key)
    return {row["project_id"]: row_of(row) for row in connection.execute(query).mappings()}


def _unknown(connection: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Releases not at their end of which a gate could not be looked at."""
    query = select(_R.c.project_id, func.count()).where(
        _R.c.project_id.in_(ids), _R.c.state.not_in(_OVER), cast(_R.c.gates, Text).contains(_UNKNOWN)
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(_R.c.project_id))}


def _findings(
    connection: Connection, projects: Sequence[ProjectRow]
) -> tuple[Mapping[int, dict[Severity, int]], set[int]]:
    """What stands, by severity; and those of which a token ends soon, or never."""
    id_ = project_in(_F.c.resource)
    ours = and_(_F.c.project.in_([one.full_path for one in projects]), _F.c.fixed_at.is_(None))
    keys = (id_, _F.c.severity, _F.c.rule)
    found: dict[int, dict[Severity, int]] = defaultdict(dict)
    expiring: set[int] = set()
    for project_id, gravity, rule, count in connection.execute(select(*keys, func.count()).where(ours).group_by(*keys)):
        if project_id is None:
            continue
        severity = Severity(gravity)
        found[project_id][severity] = found[project_id].get(severity, 0) + count
        if rule == EXPIRING:
            expiring.add(project_id)
    return found, expiring
