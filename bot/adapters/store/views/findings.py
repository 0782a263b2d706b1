"""The history of findings as the dashboard shows it. See bot.ports.views.FindingViews."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from sqlalchemy import BigInteger, ColumnElement, Row, String, func, literal, or_, select, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bot.adapters.store import schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.adapters.store.findings import STAMP
from bot.adapters.store.views.lives import Life, Lives
from bot.adapters.store.views.within import within
from bot.domain.verdicts import Severity
from bot.domain.views import Counts, FindingFilter, FindingPlace, FindingRow, FindingState

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


_SEEN, _FIXED = (func.substr(column, 1, DAY, type_=String) for column in (_F.c.first_seen, _F.c.fixed_at))
_LIVES = select(project_in(_F.c.resource), _F.c.project, _F.c.severity, _SEEN, _FIXED)
_STAMP = select(
    select(schema.cursors.c.text).where(schema.cursors.c.name == STAMP).scalar_subquery(),
    select(func.count()).select_from(_F).where(_F.c.fixed_at.is_(None)).scalar_subquery(),
)
"""What changes with the history: an earlier version, at work beside this one, leaves the word alone, not the count."""


class StoredFindingViews:
    """See bot.ports.views.FindingViews."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone = threading.Lock()
        self._kept: tuple[tuple[str | None, int], Lives] | None = None

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

    def counts(self, among: Sequence[int] | None, group: Callable[[str], bool]) -> Counts:
        """From what was read of all of them after the last audit."""
        lives = self._lives()
        if among is None:
            return lives.all
        return lives.counts((*among, *filter(group, lives.groups)))

    def _lives(self) -> Lives:
        """Those of the history as it stands: read anew once something was written to it, by one caller for all."""
        with self._alone, self._database.read() as connection:
            stamp = tuple(connection.execute(_STAMP).one())  # before what it is about: then it is never the newer one
            if self._kept is None or self._kept[0] != stamp:
                self._kept = (stamp, Lives(map(_life, connection.execute(_LIVES))))
            return self._kept[1]

    def _among(self, ids: Sequence[int]) -> ColumnElement[bool]:
        project = project_in(_F.c.resource)
        return or_(project.is_(None), within(self._database, project, ids))


def _life(row: Row[int | None, str, int, str, str | None]) -> Life:
    project_id, path, severity, seen, fixed = row
    return (path if project_id is None else project_id, severity, seen, fixed)


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
        held = (
            func.lower(column).contains(word, autoescape=True) for column in (_F.c.project, _F.c.resource, _F.c.reason)
        )
        where.append(or_(*held))
    return where
