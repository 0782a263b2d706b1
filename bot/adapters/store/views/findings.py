"""The history of findings as the dashboard shows it. See bot.ports.views.FindingViews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import BigInteger, ColumnElement, String, case, func, literal, null, or_, select, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bot.adapters.store import schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.adapters.store.views.within import within
from bot.domain.verdicts import Severity
from bot.domain.views import FindingFilter, FindingPlace, FindingRow, FindingState, Tally

_F = schema.findings
DAY = 10  # characters of a time that are its day


class project_in(FunctionElement[int]):  # noqa: N801  (named as SQL names functions)
    """The project id in a resource (`project/17/variables/A`); NULL where it begins otherwise."""

    type = BigInteger()
    inherit_cache = True


@compiles(project_in, "sqlite")
def _sqlite(element: FunctionElement[int], compiler: SQLCompiler, **words: object) -> str:
    resource = compiler.process(element.clauses, **words)
    return f"CASE WHEN substr({resource}, 1, 8) = 'project/' THEN CAST(substr({resource}, 9) AS INTEGER) END"


@compiles(project_in, "postgresql")
def _postgresql(element: FunctionElement[int], compiler: SQLCompiler, **words: object) -> str:
    return f"CAST(substring({compiler.process(element.clauses, **words)} from '^project/([0-9]{{1,18}})') AS bigint)"


class StoredFindingViews:
    """See bot.ports.views.FindingViews."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def findings(self, wanted: FindingFilter, after: FindingPlace | None, limit: int) -> tuple[FindingRow, ...]:
        """By the index on what stands."""
        order = (_F.c.severity, _F.c.first_seen, _F.c.identity)
        where = list(_chosen(wanted))
        if wanted.among is not None:
            where.append(self._among(wanted.among))
        if after is not None:
            place = (literal(int(after.severity)), literal(after.first_seen, Moment), literal(after.identity))
            where.append(tuple_(*order) < tuple_(*place))
        query = select(_F).where(*where).order_by(*(column.desc() for column in order)).limit(limit)
        with self._database.read() as connection:
            return tuple(
                FindingRow(**{**row, "severity": Severity(row["severity"])})
                for row in connection.execute(query).mappings()
            )

    def tallies(self, among: Sequence[int] | None) -> tuple[Tally, ...]:
        """Counted by the database: of all, from an index alone."""
        seen, fixed = (func.substr(column, 1, DAY, type_=String) for column in (_F.c.first_seen, _F.c.fixed_at))
        keys = (_F.c.severity, seen, fixed)
        if among is None:
            query = select(*keys, null(), func.count()).group_by(*keys)
        else:
            group = case((_F.c.resource.startswith("project/"), null()), else_=_F.c.project)
            query = select(*keys, group, func.count()).where(self._among(among)).group_by(*keys, group)
        with self._database.read() as connection:
            return tuple(
                Tally(
                    severity=Severity(severity),
                    seen=date.fromisoformat(began),
                    fixed=date.fromisoformat(ended) if ended else None,
                    group=place,
                    count=count,
                )
                for severity, began, ended, place, count in connection.execute(query)
            )

    def _among(self, ids: Sequence[int]) -> ColumnElement[bool]:
        project = project_in(_F.c.resource)
        return or_(project.is_(None), within(self._database, project, ids))


def _chosen(wanted: FindingFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.state is FindingState.OPEN:
        where.append(_F.c.fixed_at.is_(None))
    elif wanted.state is FindingState.FIXED:
        where.append(_F.c.fixed_at.is_not(None))
    if wanted.severities:
        where.append(_F.c.severity.in_([int(one) for one in wanted.severities]))
    if wanted.rule:
        where.append(_F.c.rule.startswith(wanted.rule, autoescape=True))
    if wanted.project:
        where.append(_F.c.project == wanted.project)
    for word in wanted.text.lower().split():
        held = (func.lower(column).contains(word, autoescape=True) for column in (_F.c.project, _F.c.resource))
        where.append(or_(*held))
    return where
