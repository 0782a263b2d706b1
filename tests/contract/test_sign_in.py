"""Signing in with GitLab and pressing buttons: what works, for whom, and that no secret of it is left anywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog
from structlog.testing import capture_logs

from bot.cli.doctor import sign_in as doctor_sign_in
from bot.domain.consents import Hold
from bot.domain.errors import CredentialsError
from bot.domain.secrets import HIDDEN, Redactor, Secret
from bot.domain.sign_in import Tokens
from bot.domain.verdicts import Verdict
from tests.contract.door_bench import CALLBACK, PUBLIC, Bench, door_bench
from tests.contract.oauth_client import query
from tests.contract.sandbox_org import LEVELS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with door_bench(tmp_path_factory.mktemp("door")) as bench:
        yield bench


@pytest.fixture
def written() -> Iterator[list[MutableMapping[str, object]]]:
    """All that is logged, from debug on, as it is before redaction."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as found:
        yield found
    structlog.configure(**before)


@pytest.fixture
def bench(made: Bench) -> Bench:
    made.reset()
    return made


def test_the_way_in_leads_through_gitlab_and_back_to_where_one_was(bench: Bench) -> None:
    browser = bench.browser()
    assert browser.get("/releases/x").headers["location"] == "/sign-in?next=/releases/x"
    address = browser.begin("/releases/x?y=1")
    parts, asked = urlsplit(address), query(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{bench.org.url}/oauth/authorize"
    assert {**asked, "state": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": bench.application.uid,
        "redirect_uri": CALLBACK,
        "scope": "read_api",
        "state": "",
        "code_challenge": "",
        "code_challenge_method": "S256",
    }
    assert len(asked["state"]) == len(asked["code_challenge"]) == 43
    answer = browser.get(browser.agree(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/releases/x?y=1")
    assert answer.headers["cache-control"] == "no-store"
    given = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    session = next(one for one in given if one.startswith("__Host-ropewalk="))
    assert session.partition("; ")[2] == "HttpOnly; Path=/; SameSite=lax; Secure"
    assert any(one.startswith("__Host-ropewalk-sign-in=") and "Max-Age=0" in one for one in given)
    assert browser.who() == "maintainer"
    assert browser.get("/sign-in?next=/x").headers["location"] == "/x", "whoever is in need not sign in"


@pytest.mark.parametrize(
    ("who", "sees", "may"),
    [
        ("outsider", False, []),
        ("guest", True, []),
        ("reporter", True, []),
        ("developer", True, ["approve", "hold"]),
        ("maintainer", True, ["approve", "hold", "retry"]),
        ("owner", True, ["approve", "hold", "retry"]),
    ],
)
def test_what_somebody_sees_and_may_press_follows_their_role(
    bench: Bench, who: str, sees: bool, may: list[str]
) -> None:
    number = bench.org.project.id
    told = bench.entered(who).get(f"/?project={number}&project=99").json()
    assert (told["sees"], told["may"]) == ([number] if sees else [], {str(number): may})
    assert told["maintains"] == ([number] if who in ("maintainer", "owner") else [])
    # Policy wants a maintainer, whoever may press the button by the role alone.
    others = "" if who in ("maintainer", "owner") else "maintainers of the project who did not make it"
    assert told["approvers"] == others


def test_what_is_seen_is_as_old_as_a_minute_and_what_may_be_pressed_is_not(bench: Bench) -> None:
    browser, number = bench.entered(), bench.org.project.id
    assert browser.get(f"/?project={number}").json()["sees"] == [number]
    del bench.org.project.members[bench.org.people["maintainer"].id]
    told = browser.get(f"/?project={number}").json()
    assert (told["sees"], told["may"], told["maintains"]) == ([number], {str(number): []}, [])
    bench.clock.now += 60
    assert browser.get(f"/?project={number}").json()["sees"] == []


def test_thousands_of_projects_are_asked_for_with_a_few_queries_and_by_the_hundred_where_those_take_too_long(
    bench: Bench,
) -> None:
    number = bench.org.project.id
    access = Secret(bench.org.tokens["guest"])
    view = bench.app.persons_view(Tokens(access=access, refresh=None, lasts=timedelta(hours=2)))
    asked = [*range(1_000, 3_400), number]

    def requests(ids: list[int]) -> int:
        bench.org.control("DELETE", "requests")
        assert view.visible(ids) == {number}
        return len(bench.org.control("GET", "requests?path=graphql").json())

    assert requests(asked) == 3
    assert requests(asked[-901:]) == 1
    bench.fault("graphql_timeout", "graphql", times=1)
    assert requests(asked[-901:]) == 1 + 10
    bench.fault("status", "graphql", status=401, times=1)
    with pytest.raises(CredentialsError):
        requests(asked[-901:])
    assert len(bench.org.control("GET", "requests?path=graphql").json()) == 1, "who is out is not asked about again"


@pytest.mark.parametrize("graphql", [True, False], ids=["at once", "one by one, where levels are not known"])
def test_who_is_an_insider_follows_their_role(bench: Bench, graphql: bool) -> None:
    number = bench.org.project.id
    for who, inside in (("outsider", False), ("guest", False), ("reporter", True), ("owner", True)):
        access = Secret(bench.org.tokens[who])
        view = bench.app.persons_view(Tokens(access=access, refresh=None, lasts=timedelta(hours=2)))
        if not graphql:
            bench.fault("status", "graphql", status=400, times=1)
        assert view.insiders_of([number, 99], bench.org.people[who].id) == ({number} if inside else set()), who


def test_an_approval_is_that_of_the_command_line(bench: Bench) -> None:
    answer = bench.entered().press("approve")
    path = f"/releases/{bench.release.key}"
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    (given,) = bench.app.store.approvals.approvals(bench.release.key)
    user = bench.org.people["maintainer"]
    assert (given.user_id, given.username, given.level, given.sha) == (user.id, "maintainer", 40, bench.release.id.sha)
    assert (bench.row().wake, len(bench.woken)) == (1, 1)
    assert bench.ledger() == [
        f"done: approve v1.0.0 by maintainer (user {user.id}) on the dashboard: "
        f"maintainer approves v1.0.0 at {bench.release.id.sha[:12]}"
    ]
    chain, broken = bench.app.store.journal.verify()
    assert (broken, chain.sequence > 0) == (None, True)


def test_a_hold_has_an_end_and_shortens_nobody_elses(bench: Bench) -> None:
    browser = bench.entered("developer")
    assert browser.press("hold", span="2d", reason="wait\nfor  the audit").status_code == 303
    id_ = bench.release.id
    there = bench.app.store.holds.hold(id_.project_id, id_.ref)
    assert there is not None and there.until is not None
    assert (there.by, there.reason, there.until - there.since) == ("developer", "wait for the audit", timedelta(days=2))
    assert "on the dashboard: v1.0.0 is held until" in bench.ledger()[0] and "(wait for the audit)" in bench.ledger()[0]
    answer = bench.entered().press("hold", span="1h", reason="")
    assert (answer.status_code, "is held by developer already until" in answer.text) == (409, True)
    bench.app.store.holds.put(id_.project_id, id_.ref, Hold(by="grace", since=there.since))
    assert "is held by grace already" in browser.press("hold", span="3d").text


def test_a_retry_wakes_the_release_and_says_who(bench: Bench) -> None:
    assert bench.entered().press("retry").status_code == 303
    assert bench.row().wake == 1
    assert "retry v1.0.0 by maintainer" in bench.ledger()[0]


def test_roles_are_those_of_the_configuration(bench: Bench) -> None:
    bench.roles(hold="owner", retry="developer")
    developer = bench.entered("developer")
    assert developer.get(f"/?project={bench.org.project.id}").json()["may"] == {
        str(bench.org.project.id): ["approve", "retry"]
    }
    answer = developer.press("hold")
    assert (answer.status_code, "this takes a owner" in answer.text) == (403, True)
    assert developer.press("retry").status_code == 303


def test_whoever_leaves_is_out_here_and_in_gitlab(bench: Bench) -> None:
    browser = bench.entered()
    cookie = browser.session
    assert cookie is not None
    assert bench.live_tokens() == 1
    answer = browser.post("/sign-out", {"csrf": browser.csrf()})
    assert (answer.status_code, "You are signed out." in answer.text) == (200, True)
    assert (browser.who(), browser.session, bench.live_tokens()) == (None, None, 0)
    browser.client.cookies.set("__Host-ropewalk", cookie, domain="ropewalk.example.com", path="/")
    assert browser.who() is None
    assert browser.post("/sign-out", {}).status_code == 200, "whoever is out may leave again"


def test_gitlab_that_cannot_be_told_is_said_and_the_session_ends_all_the_same(bench: Bench) -> None:
    browser = bench.entered()
    bench.fault("status", "/oauth/revoke$", status=503)
    answer = browser.post("/sign-out", {"csrf": browser.csrf()})
    assert "GitLab could not be told" in answer.text
    assert browser.who() is None


def test_a_token_is_renewed_while_somebody_works(bench: Bench) -> None:
    browser, number = bench.entered(), bench.org.project.id
    for _ in range(3):
        bench.clock.now += 3_500
        bench.world_clock(bench.clock.now - bench.started)
        assert browser.get(f"/?project={number}").json()["sees"] == [number]
    assert bench.live_tokens() == 1, "the one before opens nothing any more"


def test_somebody_who_signs_in_again_has_another_session_and_the_old_token_is_revoked(bench: Bench) -> None:
    browser = bench.browser()
    address = browser.begin()
    browser.enter()
    before = browser.session
    browser.get(browser.agree(address, "developer"))
    assert browser.session not in (None, before)
    assert (browser.who(), bench.live_tokens()) == ("developer", 1)


@pytest.mark.slow
def test_no_secret_of_a_sign_in_is_in_a_page_a_log_or_the_state(
    bench: Bench, caplog: pytest.LogCaptureFixture, written: list[MutableMapping[str, object]]
) -> None:
    """Not in any spelling, and not in what would be written without the redaction at the log's sink."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, logger="httpcore")
    browser = bench.entered()
    browser.press("approve")
    browser.press("hold", reason="why")
    refused = bench.browser()
    refused.get(refused.agree(refused.begin()) + "x")
    bench.fault("status", "/api/v4/user$", status=500)
    assert refused.enter().status_code == 503
    browser.post("/sign-out", {"csrf": browser.csrf()})
    assert {"sign_in.done", "press.done", "sign_in.put_off", "sign_in.ended"} <= {one["event"] for one in written}
    # The addresses that lead to GitLab and back are the browser's; what it writes down of them is its own affair.
    library = [one.getMessage() for one in caplog.records if not one.name.startswith("http")]
    files = [one.read_bytes().decode("latin-1") for one in bench.app.settings.path.parent.glob("state.db*")]
    assert any("on the dashboard" in text for text in files)
    shown = [*browser.pages, *refused.pages, *map(str, written), *library, *files, repr(bench.app.settings)]
    secrets = bench.secrets()
    assert len(secrets) >= 7
    finder = Redactor([Secret(one) for one in secrets])
    assert [text for text in shown if HIDDEN in finder.redact(text.replace(HIDDEN, ""))] == []


def test_without_an_application_the_door_is_open_and_has_no_buttons(bench: Bench) -> None:
    from dataclasses import replace

    from bot.web.sign_in.opening import open_door
    from bot.web.viewer import OpenDoor

    app = bench.app
    settings = app.settings
    app.__dict__.pop("provider", None)
    app.settings = replace(settings, sign_in=None)
    try:
        door = open_door(app, lambda: None)
    finally:
        app.settings = settings
        app.__dict__.pop("provider", None)
    assert isinstance(door, OpenDoor) and door.routes == ()


def test_people_may_be_asked_by_a_form_and_say_no(bench: Bench) -> None:
    bench.application.trusted = False
    browser = bench.browser()
    answer = browser.get(browser.agree(browser.begin("/x"), button=1))
    assert (answer.status_code, "you said no there" in answer.text) == (403, True)
    assert "/sign-in?next=%2Fx" in answer.text
    assert browser.enter().status_code == 303


def test_a_public_project_is_seen_by_all_and_pressed_by_members(bench: Bench) -> None:
    bench.org.project.visibility = "public"
    browser = bench.entered("outsider")
    number = bench.org.project.id
    assert browser.get(f"/?project={number}").json()["sees"] == [number]
    answer = browser.press("hold")
    assert (answer.status_code, "outsider is no member" in answer.text) == (403, True)
    assert bench.ledger() == [
        f"refused: hold v1.0.0 by outsider (user {bench.org.people['outsider'].id}) on the dashboard: "
        "this takes a developer, and outsider is no member"
    ]


def test_members_that_are_not_for_strangers_to_see_make_a_stranger(bench: Bench) -> None:
    bench.org.project.visibility = "public"
    browser = bench.entered("outsider")
    bench.fault("status", "/members/all/", status=403, body={"message": "403 Forbidden"})
    assert browser.get(f"/?project={bench.org.project.id}").json()["may"] == {str(bench.org.project.id): []}
    assert browser.who() == "outsider"


def test_doctor_asks_whether_gitlab_knows_the_application(bench: Bench) -> None:
    provider, secret = bench.app.provider, bench.application.secret
    assert provider is not None
    assert doctor_sign_in(provider).verdict is Verdict.PASS
    bench.application.secret = "gloas-renewed"
    try:
        said = doctor_sign_in(provider)
    finally:
        bench.application.secret = secret
    assert (said.verdict, "invalid_client" in said.reason) == (Verdict.FAIL, True)
    bench.fault("status", "/oauth/token$", status=502)
    assert doctor_sign_in(provider).verdict is Verdict.UNKNOWN


def test_the_callback_is_the_one_that_docs_tell_to_register() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sign-in.md").read_text("utf-8")
    assert CALLBACK in text and dict(parse_qsl("scope=read_api"))["scope"] in text
    assert PUBLIC in text and LEVELS["maintainer"] == 40
