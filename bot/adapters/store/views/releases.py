"""Releases as the dashboard lists and tells them. See bot.ports.views.ReleaseViews."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, Text, and_, cast, func, literal, not_, or_, select, tuple_

from bot.adapters.store import rows, schema
from bot.adapters.store.columns import Moment
from bot.adapters.store.database import Database
from bot.adapters.store.journal import entry_of
from bot.adapters.store.views.within import within
from bot.domain.consents import Approval, Hold
from bot.domain.ledger import Entry
from bot.domain.refs import ChangeSource, RefAction, RefKind
from bot.domain.releases import Acceptance, ReleaseId, ReleaseState
from bot.domain.views import Beginning, ReleaseCounts, ReleaseFilter, ReleasePlace, ReleaseRow, ReleaseStory

MOST_ENTRIES = 500  # of one release's ledger; a page with more would be read by nobody
_R = schema.releases
# As the gate is written down; within a reason its quotes would be escaped.
_UNAPPROVED = cast(_R.c.gates, Text).contains('"name": "approval", "verdict": "fail"')
LIGHT = (
    _R.c.key,
    _R.c.project_id,
    _R.c.project,
    _R.c.kind,
    _R.c.ref,
    _R.c.sha,
    _R.c.state,
    _R.c.version,
    _R.c.next,
    _R.c.created_at,
    _R.c.updated_at,
    _R.c.due_at,
)


class StoredReleaseViews:
    """See bot.ports.views.ReleaseViews."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def releases(self, wanted: ReleaseFilter, after: ReleasePlace | None, limit: int) -> tuple[ReleaseRow, ...]:
        """By the index on their creation, or that on state or project."""
        where = list(_chosen(wanted))
        if wanted.among is not None:
            where.append(within(self._database, _R.c.project_id, wanted.among))
        if after is not None:
            place = tuple_(literal(after.at, Moment), literal(after.key))
            where.append(tuple_(_R.c.created_at, _R.c.key) < place)
        columns = (*LIGHT, _R.c.targets) if wanted.targets else LIGHT
        query = select(*columns).where(*where).order_by(_R.c.created_at.desc(), _R.c.key.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(row_of(row) for row in connection.execute(query).mappings())

    def story(self, key: str) -> ReleaseStory | None:
        """Everything of one moment."""
        with self._database.read() as connection:
            row = connection.execute(select(_R).where(_R.c.key == key)).mappings().one_or_none()
            return None if row is None else _story(connection, row)

    def counts(self, among: Sequence[int] | None) -> ReleaseCounts:
        """States from one index alone; of those that wait the gates are read, too."""
        where = [] if among is None else [within(self._database, _R.c.project_id, among)]
        by_state = select(_R.c.state, func.count()).where(*where).group_by(_R.c.state)
        unapproved = select(func.count()).where(_R.c.state == ReleaseState.WAITING.value, _UNAPPROVED, *where)
        with self._database.read() as connection:
            states = {ReleaseState(state): count for state, count in connection.execute(by_state)}
            return ReleaseCounts(states=states, unapproved=connection.execute(unapproved).scalar_one())

    def stamp(self) -> str:
        """The newest of each."""
        newest = select(
            select(func.max(_R.c.updated_at, type_=Moment)).scalar_subquery(),
            select(func.count()).select_from(_R).scalar_subquery(),
            select(func.max(schema.ledger.c.sequence)).scalar_subquery(),
            select(func.max(schema.readings.c.at, type_=Moment)).scalar_subquery(),
        )
        with self._database.read() as connection:
            return " ".join(map(str, connection.execute(newest).one()))


def _chosen(wanted: ReleaseFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.states:
        also = {ReleaseState.WAITING} if wanted.unapproved else set()
        where.append(_R.c.state.in_(sorted(state.value for state in also | set(wanted.states))))
        if wanted.unapproved is False or also - set(wanted.states):
            asks = _UNAPPROVED if wanted.unapproved else not_(_UNAPPROVED)
            where.append(or_(_R.c.state != ReleaseState.WAITING.value, asks))
    if wanted.project_id is not None:
        where.append(_R.c.project_id == wanted.project_id)
    for word in wanted.text.lower().split():
        held = [func.lower(column).contains(word, autoescape=True) for column in (_R.c.project, _R.c.ref, _R.c.version)]
        where.append(or_(*held, _R.c.sha.startswith(word, autoescape=True)))
    return where


def row_of(row: RowMapping) -> ReleaseRow:
    """A line from its row."""
    told = {**row, "kind": RefKind(row["kind"]), "state": ReleaseState(row["state"])}
    return ReleaseRow(**told | ({"targets": rows.targets_of(row["targets"])} if "targets" in row else {}))


def _story(connection: Connection, row: RowMapping) -> ReleaseStory:
    release = rows.release_of(row)
    key = release.key

    def all_of(table: object, *order: str) -> list[RowMapping]:
        kept = schema.metadata.tables[str(table)]
        query = select(kept).where(kept.c.release == key).order_by(*(kept.c[name] for name in order))
        return list(connection.execute(query).mappings())

    return ReleaseStory(
        release=release,
        began=_began(connection, release.id),
        attempts=tuple(rows.attempt_of(one) for one in all_of("attempts", "number")),
        receipts=tuple(rows.receipt_of(one) for one in all_of("receipts", "id")),
        files=tuple(rows.file_of(one) for one in all_of("files", "filename")),
        entries=_entries(connection, key),
        approvals=tuple(
            Approval(**{name: one[name] for name in ("user_id", "username", "level", "at", "sha")})
            for one in all_of("approvals", "at", "user_id")
        ),
        acceptances=tuple(
            Acceptance(digest=one["digest"], by=one["by"], at=one["at"]) for one in all_of("acceptances", "at")
        ),
        hold=_hold(connection, release.id),
    )


def _began(connection: Connection, id_: ReleaseId) -> Beginning | None:
    table = schema.ref_changes
    same = and_(table.c.project_id == id_.project_id, table.c.ref == id_.ref, table.c.sha == id_.sha)
    query = select(table).where(same, table.c.action != RefAction.DELETED.value).order_by(table.c.id).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Beginning(action=RefAction(row["action"]), source=ChangeSource(row["source"]), at=row["at"])


def _entries(connection: Connection, key: str) -> tuple[Entry, ...]:
    """The last of the ledger's entries about it, oldest first."""
    table = schema.ledger
    query = select(table).where(table.c.place == key).order_by(table.c.sequence.desc()).limit(MOST_ENTRIES)
    return tuple(reversed([entry_of(row) for row in connection.execute(query).mappings()]))


def _hold(connection: Connection, id_: ReleaseId) -> Hold | None:
    table = schema.holds
    query = select(table).where(table.c.project_id == id_.project_id, table.c.ref == id_.ref)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Hold(by=row["by"], since=row["since"], until=row["until"], reason=row["reason"])
