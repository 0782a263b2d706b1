"""What the dashboard reads is what is on record, page after page, on connections that cannot write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from bot.adapters.store import schema
from bot.adapters.store.findings import LONGEST
from bot.adapters.store.postgres import shared_engine
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import POOL, open_reader
from bot.domain.consents import Approval, Hold
from bot.domain.findings import Finding
from bot.domain.releases import Release, ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Severity, Verdict
from bot.domain.views import (
    Attention,
    Counts,
    FindingFilter,
    FindingPlace,
    FindingRow,
    FindingState,
    ProjectFilter,
    ReleaseCounts,
    ReleaseFilter,
    ReleasePlace,
    ReleaseRow,
)
from tests.contract.states import BOTH, store_on
from tests.organisation import Size, fill
from tests.postgres import Role
from tests.unit.release_facts import NOON

STUCK = {ReleaseState.FAILED, ReleaseState.PARTIAL, ReleaseState.CONFLICT}
SIZE = Size(projects=17, releases=50, findings=80, told=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A filled state, and what reads it."""

    store: Store
    views: Views
    releases: list[Release]


@pytest.fixture(params=BOTH)
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Record]:
    store = store_on(request.param, request, tmp_path)
    releases = fill(store, NOON, SIZE)
    if request.param == "sqlite":
        engine = open_reader(tmp_path / "ropewalk.db")
    else:
        role: Role = request.getfixturevalue("used_database")
        engine = shared_engine(role.conninfo, pool=POOL, reads=True)
    views = Views(engine)
    yield Record(store=store, views=views, releases=releases)
    views.close()
    store.close()


def pages(views: Views, wanted: ReleaseFilter, size: int) -> Iterator[ReleaseRow]:
    """All rows, page by page."""
    after = None
    while rows := views.releases.releases(wanted, after, size):
        yield from rows
        after = ReleasePlace(at=rows[-1].created_at, key=rows[-1].key)


def test_pages_hold_every_release_once_newest_first_and_filters_hold_what_fits(record: Record) -> None:
    views, made = record.views, sorted(record.releases, key=lambda one: (one.created_at, one.key), reverse=True)
    assert [row.key for row in pages(views, ReleaseFilter(), 7)] == [one.key for one in made]
    blocked = [one.key for one in made if one.state is ReleaseState.BLOCKED]
    assert [row.key for row in pages(views, ReleaseFilter(states=(ReleaseState.BLOCKED,)), 2)] == blocked
    third = [one.key for one in made if one.id.project_id == 3]
    assert [row.key for row in pages(views, ReleaseFilter(project_id=3), 2)] == third
    one = made[30]
    for text in (one.project.upper() + " " + one.id.ref, one.id.sha[:12], str(one.version)):
        assert one.key in {row.key for row in pages(views, ReleaseFilter(text=text), 50)}
    assert [row.key for row in pages(views, ReleaseFilter(text="100%_\\"), 50)] == []
    counted = Counter(one.state for one in made)
    assert Counter(views.releases.counts(None).states) == counted
    some = (3, 5, 400)
    assert Counter(views.releases.counts(some).states) == Counter(
        one.state for one in made if one.id.project_id in some
    )
    assert [row.key for row in pages(views, ReleaseFilter(among=some), 3)] == [
        one.key for one in made if one.id.project_id in some
    ]
    assert views.releases.counts(()) == ReleaseCounts()
    waits = next(one for one in made if one.state is ReleaseState.WAITING)
    no = GateResult(name="approval", verdict=Verdict.FAIL, reason="missing", consequence=Consequence.WAIT)
    asks = replace(waits, id=replace(waits.id, sha="f" * 40), gates=(no,))
    assert record.store.releases.add(asks)
    assert views.releases.counts(None).unapproved == views.releases.counts((asks.id.project_id,)).unapproved == 1
    stopped, waiting = (ReleaseState.BLOCKED,), (ReleaseState.WAITING,)
    with_it = pages(views, ReleaseFilter(states=stopped, unapproved=True), 2)
    assert {row.key for row in with_it} == {asks.key, *blocked}
    without = [row.key for row in pages(views, ReleaseFilter(states=waiting, unapproved=False), 2)]
    assert waits.key in without and asks.key not in without


def test_a_story_is_the_release_with_all_that_is_on_record_of_it(record: Record) -> None:
    release = next(one for one in reversed(record.releases) if one.state is ReleaseState.PUBLISHED)
    approval = Approval(user_id=3, username="grace", level=40, at=NOON, sha=release.id.sha)
    record.store.approvals.approve(release.key, approval)
    hold = Hold(by="ada", since=NOON, reason="wait")
    record.store.holds.put(release.id.project_id, release.id.ref, hold)
    story = record.views.releases.story(release.key)
    assert story is not None
    assert story.release == record.store.releases.release(release.key)
    assert story.receipts == record.store.ledger.receipts(release.key)
    assert len(story.receipts) == 5
    assert story.files == record.store.kept.files(release.key)
    assert [one.written for one in story.entries] == [one.written for one in record.store.journal.entries(release.key)]
    assert (story.approvals, story.hold) == ((approval,), hold)
    assert story.began is not None
    assert story.began.at == release.created_at
    assert record.views.releases.story("no/such@key") is None


def test_pages_hold_every_finding_once_and_tallies_count_them(record: Record) -> None:
    views = record.views
    for state in (FindingState.OPEN, FindingState.FIXED, None):
        seen: list[FindingRow] = []
        after = None
        while rows := views.findings.findings(FindingFilter(state=state), after, 11):
            seen += rows
            last = rows[-1]
            after = FindingPlace(severity=last.severity, first_seen=last.first_seen, identity=last.identity)
        keys = [(row.severity, row.first_seen, row.identity) for row in seen]
        assert keys == sorted(keys, reverse=True)
        assert len({row.identity for row in seen}) == len(seen)
        for among in (None, (1, 2, 9)):
            listed = views.findings.findings(FindingFilter(state=state, among=among), None, 500)
            assert set(listed) == {row for row in seen if among is None or row.project_id in (*among, None)}
    high = views.findings.findings(FindingFilter(severities=(Severity.HIGH,), rule="RW101"), None, 500)
    assert {(row.severity, row.rule) for row in high} == {(Severity.HIGH, "RW101")}
    assert set(views.findings.findings(FindingFilter(text="TWINE_PASSWORD"), None, 500)) < set(
        views.findings.findings(FindingFilter(), None, 500)
    )


def counted(rows: Sequence[FindingRow]) -> Counts:
    """What must be counted of these rows."""
    return Counts(
        standing=Counter(row.severity for row in rows if row.fixed_at is None),
        seen=Counter(row.first_seen.date() for row in rows),
        fixed=Counter(row.fixed_at.date() for row in rows if row.fixed_at is not None),
    )


GROUPS: tuple[Callable[[str], bool], ...] = (lambda _: True, lambda _: False, lambda group: group == "acme/tools")


def test_findings_are_counted_as_they_are_listed_whatever_an_audit_does_next(record: Record) -> None:
    """By the version before, too, which is at work beside this one and leaves no word of what it changed."""
    views, store = record.views.findings, record.store

    def right() -> bool:
        rows = views.findings(FindingFilter(state=None), None, 500)
        return views.counts(None, GROUPS[1]) == counted(rows) and all(
            views.counts(among, group) == counted([row for row in rows if _counts(row, among, group)])
            for among in ((), (1, 2, 9), (400,))
            for group in GROUPS
        )

    assert right()
    first = views.findings(FindingFilter(), None, 500)
    store.findings.note([], [first[0].identity, first[-1].identity], NOON)
    assert right()
    again = replace(_finding(first[0]), severity=Severity.INFO)
    store.findings.note([again, replace(again, resource="project/9/variables/NEW")], [], NOON)
    assert right()
    with store.engine.begin() as connection:
        table = schema.findings
        connection.execute(update(table).where(table.c.identity == first[1].identity).values(fixed_at=NOON))
    assert right()


def _counts(row: FindingRow, among: tuple[int, ...], group: Callable[[str], bool]) -> bool:
    return group(row.project) if row.project_id is None else row.project_id in among


def _finding(row: FindingRow) -> Finding:
    return Finding(
        rule=row.rule,
        severity=row.severity,
        verdict=Verdict.FAIL,
        project=row.project,
        resource=row.resource,
        scope=row.scope,
        reason="it is back",
        remedy="",
    )


def test_a_finding_has_the_reason_of_the_last_audit_and_is_found_by_it(record: Record) -> None:
    views, store = record.views.findings, record.store
    row, other = views.findings(FindingFilter(), None, 2)
    long = "x" * 5_000
    store.findings.note(
        [replace(_finding(row), reason="The `Key` is 100%_ bare"), replace(_finding(other), reason=long)], [], NOON
    )
    (found,) = views.findings(FindingFilter(text="KEY 100%_"), None, 500)
    assert (found.identity, found.reason) == (row.identity, "The `Key` is 100%_ bare")
    (cut,) = (one for one in views.findings(FindingFilter(), None, 500) if one.identity == other.identity)
    assert cut.reason == "x" * LONGEST + "…"
    with store.engine.begin() as connection:  # as the version before left it
        connection.execute(update(schema.findings).values(reason=None))
    assert views.findings(FindingFilter(text="KEY 100%_"), None, 500) == ()
    assert {one.reason for one in views.findings(FindingFilter(), None, 500)} == {None}


def test_projects_are_listed_by_path_with_what_is_on_record_of_each(record: Record) -> None:
    views = record.views
    rows = views.projects.projects(ProjectFilter(), None, 500)
    assert len(rows) == SIZE.projects
    assert views.projects.projects(ProjectFilter(), rows[9].full_path, 5) == rows[10:15]
    assert views.projects.paths() == {row.id: row.full_path for row in rows}
    tallies = views.projects.tally(rows)
    for row in rows:
        own = [one for one in record.releases if one.id.project_id == row.id]
        tally = tallies[row.id]
        assert Counter(tally.states) == Counter(one.state for one in own)
        published = [one for one in own if one.state is ReleaseState.PUBLISHED]
        assert (tally.shipped is None) == (not published)
        if tally.shipped is not None:
            assert tally.shipped.key == max(published, key=lambda one: one.created_at).key
        assert tally.unknown == sum(one.state is ReleaseState.BLOCKED for one in own)
        standing = views.findings.findings(FindingFilter(project=row.full_path), None, 500)
        assert Counter(tally.findings) == Counter(one.severity for one in standing)
        assert tally.expiring == any(one.rule == "RW314" for one in standing)
    fits = {
        Attention.BLOCKED: {id_ for id_, tally in tallies.items() if ReleaseState.BLOCKED in tally.states},
        Attention.UNSHIPPED: {id_ for id_, tally in tallies.items() if tally.shipped is None},
        Attention.FINDINGS: {id_ for id_, tally in tallies.items() if tally.findings},
        Attention.STUCK: {id_ for id_, tally in tallies.items() if STUCK & tally.states.keys()},
    }
    for attention, ids in fits.items():
        chosen = views.projects.projects(ProjectFilter(attention=attention), None, 500)
        assert [row.id for row in chosen] == [row.id for row in rows if row.id in ids]


def test_the_bot_is_told_of_and_the_stamp_moves_with_the_record(record: Record) -> None:
    view = record.views.bot.bot(NOON + timedelta(minutes=5))
    assert view.daemon is not None
    assert (view.projects, view.hooks.places) == (SIZE.projects, 0)
    assert sum(view.hooks.heard.values()) == SIZE.releases
    assert view.due == sum(one.due_at is not None for one in record.releases)
    before = record.views.releases.stamp()
    assert record.views.releases.stamp() == before
    record.store.journal.requested("POST", "/projects/1/releases", "201", NOON)
    assert record.views.releases.stamp() != before


def test_whatever_it_is_sent_the_connection_does_not_write(record: Record) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"), record.views.database.engine.begin() as connection:
        connection.execute(insert(schema.names).values(name="mine", project_id=1))
    assert record.store.kept.owner("mine") is None
