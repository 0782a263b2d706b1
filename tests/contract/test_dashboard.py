"""The dashboard's pages over a filled state: what they show to whom, and what holds for every answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bot.adapters.store.heads import keep_head
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import open_reader
from bot.domain.releases import Release, ReleaseState
from bot.domain.tokens import Expiries, KnownList
from bot.domain.verdicts import Severity
from bot.domain.versioning import NewHead
from bot.domain.views import FindingFilter
from bot.web.dashboard.guard import POLICY
from bot.web.dashboard.templates import days_away
from bot.web.viewer import Act, Door
from tests.contract.dashboard_bench import Member, OneDoor, application
from tests.organisation import Size, fill, projects, token_lists
from tests.unit.release_facts import NOON

SIZE = Size(projects=24, releases=120, findings=120, told=5)
HOST = "http://127.0.0.1:8931"
PAGES = ("/", "/releases", "/projects", "/projects/3", "/projects/3/exposure", "/findings", "/bot")


@dataclass(frozen=True, slots=True)
class State:
    """A filled file, and the releases in it."""

    path: Path
    releases: list[Release]

    def of(self, *projects: int) -> list[Release]:
        """The releases of these projects."""
        return [one for one in self.releases if one.id.project_id in projects]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    path = tmp_path_factory.mktemp("dashboard") / "ropewalk.db"
    store = Store(open_state(path), str)
    made = fill(store, NOON, SIZE)
    store.close()
    return State(path, made)


@pytest.fixture
def visit(state: State) -> Iterator[Visits]:
    visits = Visits(state.path)
    yield visits
    visits.close()


class Client:
    """Asks for pages, one after the other; follows nothing."""

    def __init__(self, transport: httpx.ASGITransport) -> None:
        self._transport = transport

    def get(self, path: str, **words: Any) -> httpx.Response:
        """The answer."""
        return self.ask("GET", path, **words)

    def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        """The answer to any method."""

        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=HOST, timeout=30) as client:
                return await client.request(method, path, **words)

        return asyncio.run(answer())


class Visits:
    """Browsers without a window, one for each door."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Views] = []

    def __call__(self, door: Door | None = None) -> Client:
        """A client of a dashboard behind that door."""
        app, views = application(self._path, lambda: NOON, door)
        self._open.append(views)
        return Client(httpx.ASGITransport(app, raise_app_exceptions=False))

    def close(self) -> None:
        """Let go of the state."""
        for views in self._open:
            views.close()


def address(release: Release) -> str:
    return f"/releases/{quote(release.key, safe='/@')}"


def test_every_page_is_there_and_every_link_on_it_leads_to_one(visit: Visits) -> None:
    """Followed to the second level; further pages of lists included."""
    client = visit()
    seen: set[str] = set()
    fresh = {"/"}
    for _ in range(3):
        found: set[str] = set()
        for path in sorted(fresh)[::5] if len(fresh) > 40 else sorted(fresh):
            answer = client.get(path)
            assert answer.status_code == 200, path
            found |= {unescape(link) for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)}
        seen |= fresh
        fresh = found - seen
    assert set(PAGES) - {"/projects/3", "/projects/3/exposure"} <= seen


def test_a_project_says_what_became_of_its_newest_commit(visit: Visits, state: State) -> None:
    """Where the daemon tags by itself: a refusal stands nowhere else but in its log."""
    assert "Newest commit" not in visit().get("/projects/5").text
    head = NewHead(
        project_id=5,
        project="never shown",
        branch="main",
        sha="c0ffee" * 6 + "abcd",
        seen_at=NOON,
        due_at=NOON + timedelta(hours=5),
        told="v1.1.0 is not tagged: <TWINE_PASSWORD> is not masked",
    )
    store = Store(open_state(state.path), str)
    with store.database.begin() as connection:
        keep_head(connection, head)
    store.close()
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", visit().get("/projects/5").text)).split())
    assert f"Newest commit on main, c0ffeec0: {head.told} Looked at again in 5 h." in text
    assert "Newest commit" not in visit().get("/projects/6").text
    stranger = OneDoor(who=Member(projects=frozenset({5}), inside=frozenset()))
    text = visit(stranger).get("/projects/5").text
    assert "TWINE_PASSWORD" not in text and "is told to Reporters of the project" in text


def test_lists_are_paged_without_loss(visit: Visits, state: State) -> None:
    client = visit()
    path, seen = "/releases", []
    while path:
        text = client.get(path).text
        seen += re.findall(r'<a class="what" href="([^"]+)"', text)
        more = re.search(r'<a class="next" rel="next" href="([^"]+)"', text)
        path = unescape(more[1]) if more else ""
    assert seen == [
        address(one) for one in sorted(state.releases, key=lambda one: (one.created_at, one.key), reverse=True)
    ]


@pytest.mark.parametrize(
    "after", ["x", "~", "20260803T120000.000000Z", "\0~\0", "9" * 2000, "high~x~y", "%F0%9F%92%A9~a"]
)
def test_a_place_that_names_none_is_the_beginning(visit: Visits, after: str) -> None:
    client = visit()
    for path in ("/releases", "/findings"):
        answer = client.get(path, params={"after": after})
        assert answer.status_code == 200
        assert answer.text.count('<th scope="row"') == client.get(path).text.count('<th scope="row"')


def test_a_release_is_told_with_gates_targets_receipts_and_timeline(visit: Visits, state: State) -> None:
    release = next(one for one in reversed(state.releases) if one.state is ReleaseState.PUBLISHED)
    text = visit().get(address(release)).text
    for gate in release.gates:
        assert f"<b>{gate.name.replace('_', ' ')}</b>" in text
    for target in release.targets:
        assert f"<b>{target.name.replace('_', ' ')}</b>" in text
    held = next(one for one in state.releases if one.state is ReleaseState.CONFLICT)
    assert "release a new version" in visit().get(address(held)).text


def test_what_a_member_may_not_see_is_neither_named_nor_counted_anywhere(visit: Visits, state: State) -> None:
    """Two of the projects, on every page, on every further page, and by direct addresses."""
    mine = frozenset({3, 7})
    hidden = {one.project for one in state.releases if one.id.project_id not in mine}
    client = visit(OneDoor(who=Member(projects=mine)))
    for path in PAGES:
        text = client.get(path).text
        for name in hidden:
            assert not re.search(rf"{re.escape(name)}(?![-\w])", text), (path, name)
    front = client.get("/").text
    published = sum(one.state is ReleaseState.PUBLISHED for one in state.of(*mine))
    assert f"<b>{published}</b> <span>published</span>" in front
    rows = client.get("/releases").text.count('<th scope="row"')
    assert rows == len(state.of(*mine))
    assert "Further on" not in client.get("/releases").text
    assert client.get("/projects").text.count('<th scope="row"') == 2
    foreign = next(one for one in state.releases if one.id.project_id not in mine)
    nothing = client.get("/releases/999/v0@" + "0" * 40)
    for path in (address(foreign), "/projects/4", "/projects/4/exposure", "/projects/400", f"/live{address(foreign)}"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (404, nothing.text), path


def test_findings_of_a_member_are_counted_as_they_are_listed(visit: Visits, state: State) -> None:
    mine = frozenset(range(1, 9))
    client = visit(OneDoor(who=Member(projects=mine)))
    for severity in Severity:
        tile = re.search(rf"<b>(\d+)</b> <span>{severity.word}</span>", client.get("/findings").text)
        assert tile is not None
        listed = client.get("/findings", params={"severity": severity.word}).text.count('<th scope="row"')
        assert min(int(tile[1]), 50) == listed


def test_what_is_said_of_a_group_is_for_those_who_see_all_that_is_below_it(visit: Visits, state: State) -> None:
    shown = visit().get("/findings?state=all&q=shared_").text
    groups = set(re.findall(r"group/(acme/\w+)/variables/SHARED", shown))
    assert groups
    for group in groups:
        below = frozenset(one.id.project_id for one in state.releases if one.project.startswith(f"{group}/"))
        for mine, sees in ((below, True), (below - {min(below)}, False)):
            text = visit(OneDoor(who=Member(projects=mine))).get("/findings?state=all&q=shared_").text
            assert (f"group/{group}/" in text) is sees
            assert text.count('<th scope="row"') == (shown.count(f"group/{group}/") if sees else 0)


def in_words(known: Expiries) -> str:
    """When a token ends, as a page says it."""
    end = known.next(NOON.date())
    if end is None:
        words = "no tokens" if known.read else "" if known.lists else "not known: no audit has looked"
    else:
        date = end.token.expires_on
        words = f"never {end.kind.one} {end.token.token_id}"
        if date is not None and end.days is not None:
            words = f"{date}, {days_away(end.days)} {end.kind.one} {end.token.token_id}"
    unread = ("not read lately" if known.read else "could not be read") if known.troubles else ""
    return f"{words} {unread}".strip()


def known_tokens() -> dict[str, Expiries]:
    """By place, as the last audit saw them."""
    found: dict[str, tuple[KnownList, ...]] = {}
    for one in token_lists(projects(SIZE), NOON):
        read_at = None if one.tokens is None else NOON
        kept = KnownList(kind=one.kind, read_at=read_at, trouble=one.trouble, tokens=one.tokens or ())
        found[one.place] = (*found.get(one.place, ()), kept)
    return {place: Expiries(lists=lists) for place, lists in found.items()}


def plain(html: str) -> str:
    """What one reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split()).replace(" ,", ",")


ENDS = re.compile(r'href="/projects/(\d+)">(?:(?!</tr>).)*data-title="next token expiry">(.*?)</td>', re.DOTALL)


def test_when_a_token_ends_is_told_of_every_project_and_chosen_by(visit: Visits) -> None:
    client, known = visit(), known_tokens()
    shown = {int(id_): plain(text) for id_, text in ENDS.findall(client.get("/projects").text)}
    wanted = {one.id: known.get(f"project/{one.id}", Expiries()) for one in projects(SIZE)}
    assert shown.pop(16) == "soon, or never", "a finding of RW314 says so where no dates are kept"
    assert shown == {id_: in_words(one) for id_, one in wanted.items() if id_ != 16}
    assert {"not known: no audit has looked", "no tokens"} < set(shown.values())
    assert any("in " in text for text in shown.values()) and any("never" in text for text in shown.values())
    assert any("could not be read" in text for text in shown.values())
    soon = [
        id_ for id_, one in wanted.items() if (end := one.next(NOON.date())) and end.days is not None and end.days <= 30
    ]
    chosen = client.get("/projects?show=expiring").text
    assert {int(id_) for id_, _ in ENDS.findall(chosen)} == set(soon) != set()


def test_when_tokens_of_a_group_end_is_told_to_those_who_see_all_that_is_below_it(visit: Visits) -> None:
    known, one = known_tokens(), projects(SIZE)[4]
    group = one.full_path.rpartition("/")[0]
    below = frozenset(other.id for other in projects(SIZE) if other.full_path.startswith(f"{group}/"))
    told = plain(f"<dt>Of the group {group}</dt>") + " " + in_words(known[f"group/{group}"])
    assert one.id in below
    for mine, sees in ((below, True), (below - {max(below - {one.id})}, False)):
        text = plain(visit(OneDoor(who=Member(projects=mine))).get(f"/projects/{one.id}").text)
        assert (told in text) is sees
        assert (f"Of the group {group}" in text) is sees
        assert f"Of the project {in_words(known[f'project/{one.id}'])}" in text


def test_the_reason_of_a_finding_is_told_and_searched(visit: Visits) -> None:
    client = visit()
    text = plain(client.get("/findings?q=reaches+every+job").text)
    assert "(scope * )" in text.replace("*)", "* )")
    assert client.get("/findings?q=reaches+every+fjord").text.count('<th scope="row"') == 0


def test_a_stranger_is_sent_to_the_door_and_back_to_where_they_wanted(visit: Visits, state: State) -> None:
    client = visit(OneDoor(who=None))
    for path in (*PAGES, "/findings?severity=high&q=a%20b", address(state.releases[0])):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign-in?next={quote(path, safe='')}"
        assert answer.text == ""
    assert client.get("/live/").status_code == 401


def test_forms_are_drawn_for_what_a_person_may_do_and_the_release_allows(visit: Visits, state: State) -> None:
    blocked = next(one for one in state.releases if one.state is ReleaseState.BLOCKED)
    published = next(one for one in state.releases if one.state is ReleaseState.PUBLISHED)
    everything = frozenset(Act)
    project = frozenset({blocked.id.project_id, published.id.project_id})
    client = visit(OneDoor(who=Member(projects=project, acts=everything)))
    text = client.get(address(blocked)).text
    assert re.findall(rf'<form method="post" action="{re.escape(address(blocked))}/(\w+)"', text) == ["hold", "retry"]
    assert text.count('name="csrf" value="token-of-a-form"') == 3  # with that for signing out
    assert 'name="reason"' in text and 'name="span"' in text
    assert "/hold" not in client.get(address(published)).text
    reader = visit(OneDoor(who=Member(projects=project)))
    assert 'action="/releases/' not in reader.get(address(blocked)).text
    assert 'method="post"' not in visit().get(address(blocked)).text


def test_who_can_read_credentials_is_for_those_to_whom_gitlab_shows_them(visit: Visits) -> None:
    """A guest who sees the project is not told by which way to come by its token."""
    guest = visit(OneDoor(who=Member(projects=frozenset({3}), maintained=frozenset())))
    keeper = visit(OneDoor(who=Member(projects=frozenset({3}))))
    for client, status in ((guest, 404), (keeper, 200), (visit(), 200)):
        assert client.get("/projects/3/exposure").status_code == status
        assert ("/projects/3/exposure" in client.get("/projects/3").text) is (status == httpx.codes.OK)


def test_findings_and_tokens_are_for_members(visit: Visits, state: State) -> None:
    """A guest, and in an internal project anybody, sees releases; not where a credential lies bare."""
    with closing(Views(open_reader(state.path))) as views:
        rows = views.findings.findings(FindingFilter(), None, 100)
    found = next(one for one in rows if one.project_id is not None)
    number = found.project_id
    assert number is not None, "chosen so"
    guest = visit(OneDoor(who=Member(projects=frozenset({number}), inside=frozenset())))
    member = visit(OneDoor(who=Member(projects=frozenset({number}))))
    for client, shown in ((guest, False), (member, True), (visit(), True)):
        page = client.get(f"/projects/{number}")
        assert page.status_code == 200
        assert (found.resource in page.text) is shown
        assert ('id="tokens"' in page.text) is shown
        assert (found.resource in client.get(f"/findings?project={found.project}").text) is shown
        assert f'href="/projects/{number}"' in client.get(f"/projects?q={found.project}").text
        assert (f'href="/projects/{number}"' in client.get(f"/projects?show=findings&q={found.project}").text) is shown
    assert "for members" in guest.get("/projects").text
    assert "for members" not in member.get("/projects").text


def test_every_answer_forbids_what_is_not_ours_and_pages_are_kept_nowhere(visit: Visits) -> None:
    client = visit()
    for path in (*PAGES, "/nowhere", "/releases/", "/projects/x", "/static/nothing.js"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "set-cookie" not in headers
    assert "unsafe" not in POLICY
    text = client.get("/").text
    for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        assert "immutable" in client.get(name).headers["cache-control"]
    assert not re.findall(r"<style|<script>|\sstyle=|\son\w+=", text)
    assert client.ask("POST", "/").status_code == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.", "[::2]:8931", "10.0.0.1"])
def test_a_foreign_name_that_leads_here_is_refused(visit: Visits, host: str) -> None:
    """DNS rebinding: the browser of somebody on this machine, a page of somebody else's."""
    answer = visit().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "acme" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8931", "localhost:8931", "[::1]:8931", "ropewalk.localhost"])
def test_names_of_this_machine_are_taken(visit: Visits, host: str) -> None:
    assert visit().get("/", headers={"host": host}).status_code == 200
