"""When tokens end, on record: written with the history of findings, kept where nothing was read, forgotten in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection

from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.domain.findings import AuditReport
from bot.domain.refs import Project
from bot.domain.tokens import Expiries, KnownList, TokenDate, TokenKind, TokenList, TokenReading
from bot.domain.views import Attention, ProjectFilter
from bot.hygiene.audit import Audited
from bot.hygiene.history import note
from tests.contract.states import BOTH, store_on

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
TODAY = NOON.date()
DAY = timedelta(days=1)
SECRET = "glpat-0123456789abcdefghij"


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = store_on(request.param, request, tmp_path, redact=lambda text: text.replace(SECRET, "[hidden]"))
    made.enrolment.enrolled([project(number) for number in (1, 2, 3)], NOON)
    yield made
    made.close()


def project(number: int) -> Project:
    return Project(id=number, full_path=f"acme/p{number}", web_url="", default_branch="main")


def token(number: int, days: int | None, *, publishes: bool = True) -> TokenDate:
    return TokenDate(token_id=number, expires_on=None if days is None else TODAY + days * DAY, publishes=publishes)


def access(place: str, *tokens: TokenDate) -> TokenList:
    return TokenList(place=place, kind=TokenKind.ACCESS, tokens=tokens)


def deploy(place: str, *tokens: TokenDate) -> TokenList:
    return TokenList(place=place, kind=TokenKind.DEPLOY, tokens=tokens)


def unread(one: TokenList, why: str = "could not look") -> TokenList:
    return replace(one, tokens=None, trouble=why)


def audited(day: int, *lists: TokenList, places: tuple[str, ...] = (), complete: bool = True) -> Audited:
    report = AuditReport(at=NOON + day * DAY, complete=complete, projects=1, requests=1, seconds=1.0, findings=())
    return Audited(report=report, tokens=lists, places=frozenset({*places, *(one.place for one in lists)}))


def seen(store: Store, number: int) -> Expiries:
    views = Views(store.engine)
    row = views.projects.project(number)
    assert row is not None
    return views.projects.tally([row])[number].tokens


def lists_of(found: Expiries) -> dict[TokenKind, KnownList]:
    return {one.kind: one for one in found.lists}


def known(day: int | None, kind: TokenKind, *tokens: TokenDate, trouble: str = "") -> KnownList:
    return KnownList(kind=kind, read_at=None if day is None else NOON + day * DAY, trouble=trouble, tokens=tokens)


def test_what_was_read_replaces_what_was_known_and_what_was_not_stays_and_says_so(store: Store) -> None:
    own, first = "project/1", token(7, 4)
    steps: tuple[tuple[list[TokenList], KnownList, int], ...] = (
        ([access(own, first, token(8, None)), deploy(own)], known(0, TokenKind.ACCESS, first, token(8, None)), 0),
        (
            [unread(access(own)), deploy(own)],
            known(0, TokenKind.ACCESS, first, token(8, None), trouble="could not look"),
            1,
        ),
        ([access(own, token(7, 400)), unread(deploy(own))], known(2, TokenKind.ACCESS, token(7, 400)), 2),
        ([access(own)], known(3, TokenKind.ACCESS), 3),
        ([], known(3, TokenKind.ACCESS), 4),
    )
    assert seen(store, 1) == Expiries()
    for lists, wanted, day in steps:
        note(store.findings, audited(day, *lists), (), whole=False)
        assert lists_of(seen(store, 1))[TokenKind.ACCESS] == wanted, day
    assert lists_of(seen(store, 1))[TokenKind.DEPLOY] == known(1, TokenKind.DEPLOY, trouble="could not look")
    assert seen(store, 2) == Expiries()
    note(store.findings, audited(5, unread(deploy("project/2"), f"no: {SECRET}")), (), whole=False)
    assert lists_of(seen(store, 2)) == {TokenKind.DEPLOY: known(None, TokenKind.DEPLOY, trouble="no: [hidden]")}


def test_a_place_is_forgotten_when_it_is_gone(store: Store) -> None:
    """By a whole audit that does not come upon it, or as soon as the project is watched no more."""
    group = "group/acme"
    first = audited(0, access("project/1", token(1, 1)), access("project/2", token(2, 2)), access(group, token(3, 3)))
    note(store.findings, first, (), whole=True)
    rest = audited(1, access("project/1", token(1, 1)), places=("project/3",), complete=False)
    note(store.findings, rest, (), whole=True)
    note(store.findings, replace(rest, report=replace(rest.report, complete=True)), (), whole=False)
    assert store.findings.token_lists() == {(place, TokenKind.ACCESS) for place in ("project/1", "project/2", group)}, (
        "one that was cut short, or of a few places, says nothing of others"
    )
    whole = audited(2, places=("project/1", f"{group}/access_tokens"))
    note(store.findings, whole, (), whole=True)
    assert store.findings.token_lists() == {(place, TokenKind.ACCESS) for place in ("project/1", group)}
    assert Views(store.engine).projects.group_tokens(["acme", "acme/none"]) == {
        "acme": Expiries(lists=(known(0, TokenKind.ACCESS, token(3, 3)),))
    }
    store.enrolment.left(NOON, ids=[1])
    store.enrolment.enrolled([project(1)], NOON)
    assert seen(store, 1) == Expiries()
    assert store.findings.token_lists() == {(group, TokenKind.ACCESS)}


def test_they_are_written_with_the_findings_or_not_at_all(store: Store) -> None:
    note(store.findings, audited(0, access("project/1", token(1, 1))), (), whole=True)

    def fail(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        if "INSERT INTO cursors" in statement:
            raise RuntimeError("the disk is full")

    event.listen(store.engine, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError):
        note(store.findings, audited(1, access("project/1", token(2, 2)), access("project/2")), (), whole=True)
    event.remove(store.engine, "before_cursor_execute", fail)
    assert lists_of(seen(store, 1)) == {TokenKind.ACCESS: known(0, TokenKind.ACCESS, token(1, 1))}
    assert seen(store, 2) == Expiries()


@pytest.mark.parametrize(("days", "expiring"), [(-1, True), (0, True), (30, True), (31, False), (None, False)], ids=str)
def test_projects_are_chosen_by_when_a_token_of_theirs_ends(store: Store, days: int | None, expiring: bool) -> None:
    lists = (access("project/1", token(1, 300)), deploy("project/1", token(1, days)), access("project/2", token(2, 90)))
    note(store.findings, audited(0, *lists, access("group/acme", token(5, 1))), (), whole=False)
    wanted = ProjectFilter(attention=Attention.EXPIRING, ends_by=TODAY + 30 * DAY)
    assert [row.id for row in Views(store.engine).projects.projects(wanted, None, 9)] == ([1] if expiring else [])


def test_what_ends_is_read_from_a_day_on_of_those_that_can_publish_and_of_those_that_cannot(store: Store) -> None:
    readings = SqliteReadings(store.database)

    def read(day: int) -> list[tuple[int, int | None]]:
        found = readings.tokens(TODAY + day * DAY)
        assert [one.publishes for one in found] == [True, False]
        assert all(isinstance(one, TokenReading) for one in found)
        return [(one.soon, None if one.first is None else (one.first - TODAY).days) for one in found]

    assert read(0) == [(0, None), (0, None)]
    mine = (token(1, 3), token(2, 30), token(3, 31), token(4, None))
    theirs = (token(5, 12, publishes=False), token(6, None, publishes=False))
    note(store.findings, audited(0, access("project/1", *mine), deploy("group/acme", *theirs)), (), whole=False)
    assert read(0) == [(2, 3), (1, 12)]
    assert read(3) == [(3, 3), (1, 12)]
    assert read(4) == [(2, 30), (1, 12)]
    assert read(13) == [(2, 30), (0, None)]
    assert read(32) == [(0, None), (0, None)]
