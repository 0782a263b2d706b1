"""Whose turn it is: releases that wait for somebody's yes, among many that wait for machines; and buttons that fit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from starlette.requests import Request

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import open_reader
from bot.domain.consents import Approval
from bot.domain.refs import Project, RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.domain.views import ReleaseFilter
from bot.web.dashboard.app import PAGES, dashboard
from bot.web.dashboard.releases import BUSY
from bot.web.dashboard.site import rendered, visit
from bot.web.viewer import Act, Door, OpenDoor
from tests.contract.dashboard_bench import Member, OneDoor, site
from tests.unit.release_facts import NOON, SHA

ASKS = GateResult(
    name="approval",
    verdict=Verdict.FAIL,
    reason='1 of 1 approvals missing, by a maintainer: "name": "approval", "verdict": "fail" is how it reads',
    consequence=Consequence.WAIT,
    look_again=timedelta(hours=1),
)
GIVEN = replace(ASKS, verdict=Verdict.PASS, consequence=Consequence.NONE)
NEEDLESS = replace(GIVEN, verdict=Verdict.NOT_APPLICABLE, reason="policy asks for no approval")
PIPELINE = GateResult(name="pipeline_green", verdict=Verdict.UNKNOWN, reason="waits for a job")


def release(number: int, state: ReleaseState, *gates: GateResult) -> Release:
    """One of a project of its own; the higher the number, the younger."""
    at = NOON - timedelta(minutes=1000 - number)
    return Release(
        id=ReleaseId(project_id=number, kind=RefKind.TAG, ref="v1", sha=SHA),
        project=f"acme/p{number}",
        state=state,
        created_at=at,
        updated_at=at,
        asked_at=at,
        due_at=NOON,
        gates=gates,
    )


OLD, ASKING, SHIPPED, BLOCKED = 1, 2, 3, 4
WEAK = 5  # its variables stop it
HALF = 6  # one of two said yes
NAMED = GateResult(
    name="hygiene",
    verdict=Verdict.FAIL,
    reason="TWINE_PASSWORD of project acme/p5 is not masked",
    consequence=Consequence.BLOCK,
    discreet="1 publishing variable is not masked (RW101)",
)
MANY = range(100, 100 + 2 * BUSY)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    """An old release that is being published, one that waits for a yes, and many younger ones that wait for jobs."""
    path = tmp_path_factory.mktemp("people") / "ropewalk.db"
    store = Store(open_state(path), str)
    known = [Project(id=n, full_path=f"acme/p{n}", web_url="", default_branch="main") for n in (*range(1, 7), *MANY)]
    with store.database.gather():
        store.enrolment.enrolled(known, NOON)
        for one in (
            release(OLD, ReleaseState.PUBLISHING, GIVEN),
            release(ASKING, ReleaseState.WAITING, ASKS),
            release(SHIPPED, ReleaseState.PUBLISHED, ASKS),
            release(BLOCKED, ReleaseState.BLOCKED, NEEDLESS),
            release(HALF, ReleaseState.WAITING, ASKS),
            replace(release(WEAK, ReleaseState.BLOCKED, NAMED), next=NAMED.reason),
            *(release(number, ReleaseState.WAITING, PIPELINE, (NEEDLESS, GIVEN)[number % 2]) for number in MANY),
        ):
            store.releases.add(one)
        given = Approval(user_id=5, username="grace", level=40, at=NOON, sha=SHA)
        store.approvals.approve(release(HALF, ReleaseState.WAITING).key, given)
    store.close()
    opened = Views(open_reader(path))
    yield opened
    opened.close()


def page(views: Views, path: str, door: Door | None = None) -> str:
    """What a browser gets."""
    app = dashboard(site(views, lambda: NOON), door or OpenDoor(), asyncio.Event())

    async def answer() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8931", timeout=30) as client:
            return (await client.get(path)).raise_for_status().text

    return asyncio.run(answer())


def named(text: str) -> list[int]:
    """The projects of all releases that a page lists, in its order."""
    return [int(number) for number in re.findall(r'class="what" href="/releases/(\d+)/', text)]


def tiles(text: str) -> list[int]:
    """Under way, wait for a person, published."""
    return [int(number) for number in re.findall(r'class="tile [^>]*><b>(\d+)</b>', text)]


def test_who_waits_for_a_yes_waits_for_a_person(views: Views) -> None:
    text = page(views, "/")
    under_way, people = text.split('id="person"')
    assert tiles(text) == [1 + len(MANY), 4, 1]
    assert named(people)[:4] == [HALF, WEAK, BLOCKED, ASKING]
    assert ASKING not in named(under_way)
    assert named(page(views, "/releases?state=person")) == [HALF, WEAK, BLOCKED, ASKING]
    listed = named(page(views, "/releases?state=open"))
    assert ASKING not in listed and listed[0] == MANY[-1]


def test_what_moves_is_seen_however_many_younger_ones_wait(views: Views) -> None:
    under_way = page(views, "/").split('id="person"')[0]
    assert named(under_way) == [OLD, *reversed(MANY)][:BUSY]


def test_a_member_sees_and_counts_their_own(views: Views) -> None:
    text = page(views, "/", OneDoor(who=Member(projects=frozenset({OLD, ASKING}))))
    assert tiles(text) == [1, 1, 0]
    assert named(text) == [OLD, ASKING]
    text = page(views, "/", OneDoor(who=Member(projects=frozenset({MANY[0]}))))
    assert tiles(text) == [1, 0, 0]
    assert "Nobody has to do anything" in text


@pytest.mark.parametrize("unapproved", [True, False, None])
def test_one_state_and_a_yes_that_is_missing_are_asked_for_together(views: Views, unapproved: bool | None) -> None:
    """Whatever else a filter says: taken in besides the states, left out of them, or no matter."""
    for states in ((ReleaseState.WAITING,), (ReleaseState.BLOCKED, ReleaseState.PUBLISHED)):
        rows = views.releases.releases(ReleaseFilter(states=states, unapproved=unapproved), None, 500)
        found = {row.project_id for row in rows}
        waits = ReleaseState.WAITING in states
        assert ({ASKING, HALF} <= found) is (unapproved is True or (waits and unapproved is None))
        assert found - {ASKING, HALF} == (set(MANY) if waits else {WEAK, BLOCKED, SHIPPED})


def test_a_yes_is_asked_for_where_policy_wants_one(views: Views) -> None:
    """Not where it asks for none, was given, or whoever looks said theirs: what is always refused helps nobody."""
    everybody = OneDoor(who=Member(projects=frozenset(range(200)), acts=frozenset(Act)))
    fitting = {ASKING: ["approve", "hold"], HALF: ["hold"], BLOCKED: ["hold", "retry"], OLD: ["hold"], SHIPPED: []}
    for number, wanted in fitting.items():
        text = page(views, f"/releases/{number}/v1@{SHA}", everybody)
        assert re.findall(r'<form method="post" action="/releases/[^"]+/(\w+)"', text) == wanted


def test_who_is_not_asked_to_approve_is_told_who_is(views: Views) -> None:
    """A developer, where policy wants a maintainer, is offered nothing that would be refused."""
    others = "maintainers of the project who did not make it"
    developer = Member(projects=frozenset(range(200)), acts=frozenset(Act), others=others)
    text = page(views, f"/releases/{ASKING}/v1@{SHA}", OneDoor(who=developer))
    assert re.findall(r'<form method="post" action="/releases/[^"]+/(\w+)"', text) == ["hold"]
    assert f"An approval is asked of {others}." in text
    text = page(views, f"/releases/{ASKING}/v1@{SHA}", OneDoor(who=replace(developer, acts=frozenset())))
    assert f"/releases/{ASKING}/v1@{SHA}/" not in text
    assert (others in text, "Whose turn it is" in text) == (True, True)
    text = page(views, f"/releases/{BLOCKED}/v1@{SHA}", OneDoor(who=developer))
    assert others not in text


def test_what_stops_a_release_names_variables_to_its_projects_people_alone(views: Views) -> None:
    """A stranger to a public project reads how many there are, and which rule they break."""
    paths = (f"/releases/{WEAK}/v1@{SHA}", "/", "/releases", f"/projects/{WEAK}")
    for inside, named in ((frozenset({WEAK}), True), (frozenset[int](), False)):
        door = OneDoor(who=Member(projects=frozenset({WEAK}), inside=inside))
        texts = [page(views, path, door) for path in paths]
        assert ["TWINE_PASSWORD" in text for text in texts] == [named] * 4
        assert ("1 publishing variable is not masked (RW101)" in texts[0]) is not named
        assert all(("its page says what stops it" in text) is not named for text in texts[1:])


def test_rights_are_asked_for_with_the_buttons_alone(views: Views) -> None:
    """A page that stays open is made anew every few seconds: GitLab is not asked for roles each time."""
    who = Member(projects=frozenset({ASKING, SHIPPED}), acts=frozenset(Act))
    for number, asked in ((ASKING, [ASKING]), (SHIPPED, [])):
        who.weighed.clear()
        told = PAGES["/releases/{key:path}"]
        named = {"path_params": {"key": f"{number}/v1@{SHA}"}}
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], **named}
        guest = visit(site(views, lambda: NOON), OneDoor(who=who), Request(scope))
        assert guest is not None
        assert "data-acts" in rendered(told, guest, whole=False)
        assert who.weighed == []
        rendered(told, guest, whole=True)
        assert who.weighed == asked
