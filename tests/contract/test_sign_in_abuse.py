"""What others may try at the door: each is answered with a page of one sentence, and nothing else comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from _pytest.mark import ParameterSet

from bot.web.sign_in import sessions
from bot.web.sign_in.pending import LIFETIME
from tests.contract.door_bench import FORM, PUBLIC, Bench, Browser, door_bench
from tests.contract.oauth_client import query
from tests.contract.sandbox_org import LEVELS

EVIL = "https://evil.example"
BEGIN_ANEW, NO_WAY_IN = "Begin anew", "This is no way in"
NO_FORM, NOT_IN, NOT_SIGNED_IN = "needs a form from the dashboard", "would not sign you in", "not signed in any more"
NO_ENTRY = "did not let you in, or you said no there"
NOT_REACHED, NOT_HERE = "cannot be reached", "There is no such release"
WORD = "w" * 43


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with door_bench(tmp_path_factory.mktemp("door")) as bench:
        yield bench


@pytest.fixture
def bench(made: Bench) -> Bench:
    made.reset()
    return made


@dataclass(frozen=True)
class Try:
    """One attack: what is tried, the status and the words that it meets."""

    name: str
    attack: Callable[[Bench], httpx.Response]
    status: int
    words: str = ""


def case(one: Try, *, slow: bool = False) -> ParameterSet:
    """It, by its name."""
    return pytest.param(one, id=one.name, marks=[pytest.mark.slow] if slow else [])


def callback(browser: Browser, **changed: str | None) -> httpx.Response:
    """A way back from GitLab with other words in it; None leaves one out."""
    sent = {**query(browser.agree(browser.begin())), **changed}
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in sent.items() if value is not None)
    return browser.get(f"/sign-in/callback?{text}")


def with_callback(**changed: str | None) -> Callable[[Bench], httpx.Response]:
    return lambda bench: callback(bench.browser(), **changed)


# The state.


def state_of_another_browser(bench: Bench) -> httpx.Response:
    """The attacker's own code and state, in the victim's browser, which has a sign-in of its own on its way."""
    victim, attacker = bench.browser(), bench.browser()
    victim.begin()
    return victim.get(attacker.agree(attacker.begin(), "developer"))


def state_used_twice(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    browser.get(back)
    browser.post("/sign-out", {"csrf": browser.csrf()})
    return browser.get(back)


def state_that_a_stranger_burnt(bench: Bench) -> httpx.Response:
    victim = bench.browser()
    back = victim.agree(victim.begin())
    bench.browser().get(back)
    return victim.get(back)


def state_too_late(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    bench.clock.now += LIFETIME
    return browser.get(back)


def state_after_a_no(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    browser.get(f"/sign-in/callback?error=access_denied&state={query(back)['state']}")
    return browser.get(back)


def state_twice_in_one_address(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    return browser.get(f"{back}&state={WORD}")


def without_the_cookie(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    browser.client.cookies.clear()
    return browser.get(back)


def with_a_planted_cookie(bench: Bench) -> httpx.Response:
    """A cookie that somebody planted before the sign-in began is not the one that is compared with."""
    browser = bench.browser()
    browser.client.cookies.set("__Host-ropewalk-sign-in", WORD, domain="ropewalk.example.com", path="/")
    back = browser.agree(browser.begin())
    browser.client.cookies.clear()
    browser.client.cookies.set("__Host-ropewalk-sign-in", WORD, domain="ropewalk.example.com", path="/")
    return browser.get(back)


STATES = [
    Try("no state", with_callback(state=None), 400, NO_WAY_IN),
    Try("empty state", with_callback(state=""), 400, NO_WAY_IN),
    Try("unknown state", with_callback(state=WORD), 400, BEGIN_ANEW),
    Try("a state with a NUL", with_callback(state="a\0b"), 400, BEGIN_ANEW),
    Try("a state of 10,000 letters", with_callback(state="s" * 10_000), 400, BEGIN_ANEW),
    Try("a state of another browser", state_of_another_browser, 400, BEGIN_ANEW),
    Try("a state used twice", state_used_twice, 400, BEGIN_ANEW),
    Try("a state that a stranger burnt", state_that_a_stranger_burnt, 400, BEGIN_ANEW),
    Try("a state too late", state_too_late, 400, BEGIN_ANEW),
    Try("a state after a no", state_after_a_no, 400, BEGIN_ANEW),
    Try("two states", state_twice_in_one_address, 400, NO_WAY_IN),
    Try("no cookie", without_the_cookie, 400, BEGIN_ANEW),
    Try("a planted cookie", with_a_planted_cookie, 400, BEGIN_ANEW),
    Try("another issuer", with_callback(iss=EVIL), 400, BEGIN_ANEW),
]


# The code.


def code_of_a_finished_sign_in(bench: Bench) -> httpx.Response:
    first, second = bench.browser(), bench.browser()
    back = first.agree(first.begin())
    first.get(back)
    first.post("/sign-out", {"csrf": first.csrf()})
    return callback(second, code=query(back)["code"])


def stolen_code(bench: Bench) -> httpx.Response:
    """The victim's code in the attacker's browser: the attacker's verifier does not fit its challenge."""
    victim, attacker = bench.browser(), bench.browser()
    stolen = query(victim.agree(victim.begin()))["code"]
    return callback(attacker, code=stolen)


def code_of_another_application(bench: Bench) -> httpx.Response:
    browser, org = bench.browser(), bench.org
    other = org.world.applications.create("Other", [f"{PUBLIC}/sign-in/callback"], ["read_api"], trusted=True)
    address = browser.begin()
    return browser.get(browser.agree(address.replace(bench.application.uid, other.uid)))


def code_too_old(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    bench.world_clock(601)
    return browser.get(back)


def address_changed(**changed: str | None) -> Callable[[Bench], httpx.Response]:
    """Somebody changes the request on its way to GitLab."""

    def attack(bench: Bench) -> httpx.Response:
        browser = bench.browser()
        address = httpx.URL(browser.begin())
        sent = {**dict(address.params), **changed}
        kept = {name: value for name, value in sent.items() if value is not None}
        return browser.get(browser.agree(str(address.copy_with(params=kept))))

    return attack


def other_redirect_uri(bench: Bench) -> httpx.Response:
    """A second address that is registered, too: the code was asked for there."""
    bench.application.redirect_uris = (*bench.application.redirect_uris, f"{PUBLIC}/sign-in/callback?other=1")
    try:
        return address_changed(redirect_uri=f"{PUBLIC}/sign-in/callback?other=1")(bench)
    finally:
        bench.application.redirect_uris = bench.application.redirect_uris[:1]


CODES = [
    Try("no code", with_callback(code=None), 403, NO_ENTRY),
    Try("empty code", with_callback(code=""), 403, NO_ENTRY),
    Try("unknown code", with_callback(code="0" * 64), 403, NOT_IN),
    Try("a code with a line break", with_callback(code="a\r\nb"), 403, NOT_IN),
    Try("a code of 600 letters", with_callback(code="c" * 600), 403, NO_ENTRY),
    Try("a code and an error", with_callback(error="access_denied"), 403, NO_ENTRY),
    Try("a code of a finished sign-in", code_of_a_finished_sign_in, 403, NOT_IN),
    Try("a stolen code", stolen_code, 403, NOT_IN),
    Try("a code of another application", code_of_another_application, 403, NOT_IN),
    Try("a code too old", code_too_old, 403, NOT_IN),
    Try("PKCE taken out", address_changed(code_challenge=None, code_challenge_method=None), 403, NOT_IN),
    Try("PKCE made plain", address_changed(code_challenge_method="plain"), 403, NOT_IN),
    Try("another's challenge", address_changed(code_challenge=WORD), 403, NOT_IN),
    Try("another scope", address_changed(scope="read_user"), 403, NOT_IN),
    Try("another redirect URI", other_redirect_uri, 403, NOT_IN),
]


# What GitLab answers.


def answered(path: str, kind: str = "status", **more: object) -> Callable[[Bench], httpx.Response]:
    def attack(bench: Bench) -> httpx.Response:
        browser = bench.browser()
        back = browser.agree(browser.begin())
        bench.fault(kind, path, **more)
        return browser.get(back)

    return attack


def token_of_another_audience(bench: Bench) -> httpx.Response:
    """GitLab, or somebody who speaks for it, hands over a token that another application was given."""
    world = bench.org.world
    other = world.applications.create("Other", [f"{EVIL}/back"], ["read_api"])
    token = world.applications.issue(other, bench.org.people["owner"], frozenset({"read_api"}))
    body = {"access_token": token.secret, "token_type": "Bearer", "expires_in": 7200}
    return answered("/oauth/token$", status=200, body=body, headers={"content-type": "application/json"})(bench)


def user_blocked_meanwhile(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    bench.org.people["maintainer"].state = "blocked"
    return browser.get(back)


def robots_token(bench: Bench) -> httpx.Response:
    browser = bench.browser()
    back = browser.agree(browser.begin())
    bench.org.people["maintainer"].bot = True
    return browser.get(back)


def other_secret(bench: Bench) -> httpx.Response:
    browser, secret = bench.browser(), bench.application.secret
    back = browser.agree(browser.begin())
    bench.application.secret = "gloas-renewed"
    try:
        return browser.get(back)
    finally:
        bench.application.secret = secret


JSON = {"content-type": "application/json"}
GITLABS = [
    Try("500 for the code", answered("/oauth/token$", status=500), 503, NOT_REACHED),
    Try("429 for the code", answered("/oauth/token$", status=429, body="Retry later"), 503, NOT_REACHED),
    Try("a cut connection", answered("/oauth/token$", "reset"), 503, NOT_REACHED),
    Try("a page for the code", answered("/oauth/token$", "html"), 503, NOT_REACHED),
    Try("half an answer", answered("/oauth/token$", "truncated"), 503, NOT_REACHED),
    Try("no token", answered("/oauth/token$", status=200, body={"a": 1}, headers=JSON), 503, NOT_REACHED),
    Try(
        "a token that is no text",
        answered("/oauth/token$", status=200, body={"access_token": [1], "token_type": "bearer"}, headers=JSON),
        503,
        NOT_REACHED,
    ),
    Try(
        "a token with a line break",
        answered("/oauth/token$", status=200, body={"access_token": "a\r\nX: y", "token_type": "bearer"}, headers=JSON),
        503,
        NOT_REACHED,
    ),
    Try(
        "a token of another kind",
        answered("/oauth/token$", status=200, body={"access_token": "a", "token_type": "mac"}, headers=JSON),
        503,
        NOT_REACHED,
    ),
    Try(
        "an answer of 100 KB", answered("/oauth/token$", status=200, body="x" * 100_000, headers=JSON), 503, NOT_REACHED
    ),
    Try("a redirect", answered("/oauth/token$", status=307, headers={"location": EVIL}), 403, NOT_IN),
    Try(
        "an error with odd words",
        answered("/oauth/token$", status=400, body={"error": '<b>"'}, headers=JSON),
        403,
        NOT_IN,
    ),
    Try("a token of another audience", token_of_another_audience, 403, NOT_IN),
    Try("500 for the user", answered("/api/v4/user$", status=500), 503, NOT_REACHED),
    Try(
        "a user without a number",
        answered("/api/v4/user$", status=200, body={"username": "x"}, headers=JSON),
        503,
        NOT_REACHED,
    ),
    Try("a user blocked meanwhile", user_blocked_meanwhile, 403, NOT_IN),
    Try("a robot's user", robots_token, 403, NOT_IN),
    Try("an application with another secret", other_secret, 403, NOT_IN),
]


@pytest.mark.parametrize("one", [*map(case, [*STATES, *CODES]), *(case(one, slow=True) for one in GITLABS)])
def test_nobody_comes_in_by_it(bench: Bench, one: Try) -> None:
    answer = one.attack(bench)
    assert (answer.status_code, one.words in answer.text) == (one.status, True), answer.text
    assert "location" not in answer.headers
    assert not [name for name in answer.headers.get_list("set-cookie") if name.startswith("__Host-ropewalk=")]
    assert 'href="/sign-in' in answer.text, "the next step"
    assert bench.live_tokens() == 0, "what came all the same was revoked"


# Sessions, forms, methods, rights: with somebody signed in.


def pressing(act: str = "approve", who: str = "maintainer", **changed: str) -> Callable[[Bench], httpx.Response]:
    return lambda bench: bench.entered(who).press(act, **changed)


def after(do: Callable[[Bench, Browser], object], act: str = "approve") -> Callable[[Bench], httpx.Response]:
    """Something happens between the page and the press."""

    def attack(bench: Bench) -> httpx.Response:
        browser = bench.entered()
        form = {"csrf": browser.csrf(), "sha": bench.release.id.sha, "span": "2d"}
        do(bench, browser)
        return browser.post(f"/releases/{bench.release.key}/{act}", form)

    return attack


def with_headers(**headers: str | None) -> Callable[[Bench], httpx.Response]:
    def attack(bench: Bench) -> httpx.Response:
        browser = bench.entered()
        usual: dict[str, str | None] = {**FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in usual.items() if value is not None}
        form = {"csrf": browser.csrf(), "sha": bench.release.id.sha}
        return browser.post(f"/releases/{bench.release.key}/approve", form, sent)

    return attack


def with_cookie(value: Callable[[Bench, Browser], str]) -> Callable[[Bench], httpx.Response]:
    """Another cookie than the session's."""

    def attack(bench: Bench) -> httpx.Response:
        browser = bench.entered()
        form, cookie = {"csrf": browser.csrf(), "sha": bench.release.id.sha}, value(bench, browser)
        browser.client.cookies.clear()
        headers = {**FORM, "Cookie": cookie}
        return browser.post(f"/releases/{bench.release.key}/approve", form, headers)

    return attack


def csrf_of(other: Callable[[Bench], Browser]) -> Callable[[Bench], httpx.Response]:
    return lambda bench: bench.entered().press("approve", csrf=other(bench).csrf())


def csrf_of_an_earlier_session(bench: Bench) -> httpx.Response:
    browser = bench.entered()
    old = browser.csrf()
    browser.post("/sign-out", {"csrf": old})
    browser.enter()
    return browser.press("approve", csrf=old)


def sent_as(content_type: str, content: str) -> Callable[[Bench], httpx.Response]:
    """A form in a shape that another site can send, or that none of ours has."""

    def attack(bench: Bench) -> httpx.Response:
        browser = bench.entered()
        filled = content.replace("CSRF", browser.csrf()).replace("SHA", bench.release.id.sha)
        headers = {**FORM, "Content-Type": content_type}
        return browser.send("POST", f"/releases/{bench.release.key}/approve", content=filled, headers=headers)

    return attack


def csrf_in_the_address(bench: Bench) -> httpx.Response:
    browser = bench.entered()
    path = f"/releases/{bench.release.key}/approve?csrf={quote(browser.csrf())}"
    return browser.post(path, {"sha": bench.release.id.sha})


def signed_out_then_used(bench: Bench) -> httpx.Response:
    browser = bench.entered()
    cookie, form = browser.session, {"csrf": browser.csrf(), "sha": bench.release.id.sha}
    browser.post("/sign-out", {"csrf": form["csrf"]})
    headers = {**FORM, "Cookie": f"__Host-ropewalk={cookie}"}
    return browser.post(f"/releases/{bench.release.key}/approve", form, headers)


def waited(seconds: float) -> Callable[[Bench, Browser], object]:
    def do(bench: Bench, browser: Browser) -> None:
        del browser
        bench.clock.now += seconds

    return do


def worked_all_day(bench: Bench, browser: Browser) -> None:
    for _ in range(int(sessions.ABSOLUTE / sessions.IDLE) + 1):
        browser.get("/")
        bench.clock.now += sessions.IDLE


def lowered(bench: Bench, browser: Browser) -> None:
    del browser
    bench.org.world.add_member(bench.org.project, bench.org.people["maintainer"], LEVELS["reporter"])


def removed(bench: Bench, browser: Browser) -> None:
    del browser
    del bench.org.project.members[bench.org.people["maintainer"].id]


def blocked(bench: Bench, browser: Browser) -> None:
    del browser
    bench.org.people["maintainer"].state = "blocked"


def revoked_in_gitlab(bench: Bench, browser: Browser) -> None:
    del browser
    for token in bench.org.world.tokens.values():
        token.revoked = token.revoked or token.application is bench.application


def gitlab_down(bench: Bench, browser: Browser) -> None:
    del browser
    bench.fault("status", "^/api/", status=502)


def gitlab_busy(bench: Bench, browser: Browser) -> None:
    del browser
    bench.fault("throttled", "^/api/", seconds=600)


def on_key(key: Callable[[Bench], str], act: str = "approve") -> Callable[[Bench], httpx.Response]:
    def attack(bench: Bench) -> httpx.Response:
        browser = bench.entered()
        form = {"csrf": browser.csrf(), "sha": bench.release.id.sha, "span": "2d"}
        return browser.post(f"/releases/{key(bench)}/{act}", form)

    return attack


def withdrawn(bench: Bench, browser: Browser) -> None:
    del browser
    with bench.app.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE releases SET state = 'withdrawn'")


def pressed_too_often(bench: Bench) -> httpx.Response:
    browser = bench.entered("reporter")
    for _ in range(sessions.PRESSES):
        browser.press("retry", sha="")
    return browser.press("retry")


FORMS = [
    Try("no csrf", pressing(csrf=""), 403, NO_FORM),
    Try("a guessed csrf", pressing(csrf=WORD), 403, NO_FORM),
    Try("a csrf that is no ASCII", pressing(csrf="é"), 403, NO_FORM),
    Try("another person's csrf", csrf_of(lambda bench: bench.entered("developer")), 403, NO_FORM),
    Try("a csrf of another browser of theirs", csrf_of(lambda bench: bench.entered()), 403, NO_FORM),
    Try("a csrf of an earlier session", csrf_of_an_earlier_session, 403, NO_FORM),
    Try("a csrf in the address", csrf_in_the_address, 403, NO_FORM),
    Try("from another site", with_headers(Origin=EVIL, Sec_Fetch_Site="cross-site"), 403, NO_FORM),
    Try("from another site, told by the origin alone", with_headers(Origin=EVIL, Sec_Fetch_Site=None), 403, NO_FORM),
    Try(
        "from a neighbouring host",
        with_headers(Origin=PUBLIC.replace("ropewalk", "x"), Sec_Fetch_Site="same-site"),
        403,
        NO_FORM,
    ),
    Try("from another port", with_headers(Origin=f"{PUBLIC}:8443", Sec_Fetch_Site=None), 403, NO_FORM),
    Try("from plain http", with_headers(Origin=PUBLIC.replace("https", "http"), Sec_Fetch_Site=None), 403, NO_FORM),
    Try("from a sandboxed frame", with_headers(Origin="null", Sec_Fetch_Site=None), 403, NO_FORM),
    Try("from nowhere", with_headers(Origin=None, Sec_Fetch_Site=None), 403, NO_FORM),
    Try("with a referer alone", with_headers(Origin=None, Sec_Fetch_Site=None, Referer=f"{PUBLIC}/"), 403, NO_FORM),
    Try("as plain text", sent_as("text/plain", "csrf=CSRF&sha=SHA"), 403, NO_FORM),
    Try("as JSON", sent_as("application/json", '{"csrf": "CSRF", "sha": "SHA"}'), 403, NO_FORM),
    Try("as a file", sent_as("multipart/form-data; boundary=x", "--x\r\n\r\nCSRF\r\n--x--"), 403, NO_FORM),
    Try("a csrf twice", sent_as("application/x-www-form-urlencoded", "csrf=CSRF&csrf=CSRF&sha=SHA"), 403, NO_FORM),
    Try(
        "20 KB of a form",
        sent_as("application/x-www-form-urlencoded", "csrf=CSRF&sha=SHA&x=" + "x" * 20_000),
        403,
        NO_FORM,
    ),
    Try(
        "a thousand fields",
        sent_as("application/x-www-form-urlencoded", "csrf=CSRF&sha=SHA" + "&a=1" * 1000),
        403,
        NO_FORM,
    ),
    Try("bytes that are no text", sent_as("application/x-www-form-urlencoded", "csrf=CSRF&sha=%ff"), 403, NO_FORM),
]
SESSIONS = [
    Try("no cookie", with_cookie(lambda _, __: "other=1"), 401, NOT_SIGNED_IN),
    Try("a guessed cookie", with_cookie(lambda _, __: f"__Host-ropewalk={WORD}"), 401, NOT_SIGNED_IN),
    Try(
        "a cookie with a letter changed",
        with_cookie(
            lambda _, one: f"__Host-ropewalk={'A' if (one.session or '')[0] != 'A' else 'B'}{(one.session or '')[1:]}"
        ),
        401,
        NOT_SIGNED_IN,
    ),
    Try(
        "a cookie cut short",
        with_cookie(lambda _, one: f"__Host-ropewalk={(one.session or '')[:-1]}"),
        401,
        NOT_SIGNED_IN,
    ),
    Try(
        "two cookies",
        with_cookie(lambda _, one: f"__Host-ropewalk={WORD}; __Host-ropewalk={one.session}"),
        401,
        NOT_SIGNED_IN,
    ),
    Try("a cookie without its prefix", with_cookie(lambda _, one: f"ropewalk={one.session}"), 401, NOT_SIGNED_IN),
    Try("the csrf for a cookie", with_cookie(lambda _, one: f"__Host-ropewalk={one.csrf()}"), 401, NOT_SIGNED_IN),
    Try("a cookie of 9 KB", with_cookie(lambda _, __: f"__Host-ropewalk={'w' * 9_000}"), 401, NOT_SIGNED_IN),
    Try("a session that was ended", signed_out_then_used, 401, NOT_SIGNED_IN),
    Try("a session that was idle", after(waited(sessions.IDLE + 1)), 401, NOT_SIGNED_IN),
    Try("a session of yesterday", after(worked_all_day), 401, NOT_SIGNED_IN),
]
RIGHTS = [
    Try("a stranger", pressing(who="outsider"), 404, NOT_HERE),
    Try("a guest", pressing(who="guest"), 403, "this takes a developer"),
    Try("a reporter who holds", pressing("hold", "reporter"), 403, "this takes a developer"),
    Try("a developer who retries", pressing("retry", "developer"), 403, "this takes a maintainer, and developer is"),
    Try(
        "a developer, where policy asks for a maintainer", pressing(who="developer"), 409, "policy asks for maintainer"
    ),
    Try("whoever made the tag", pressing(who="owner"), 409, "nobody approves their own work"),
    Try("a role lowered meanwhile", after(lowered), 403, "this takes a developer, and maintainer is"),
    Try("a member removed meanwhile", after(removed), 404, NOT_HERE),
    Try("a user blocked meanwhile", after(blocked), 401, "does not let you in any more"),
    Try("a token revoked in GitLab", after(revoked_in_gitlab), 401, "does not let you in any more"),
    Try("a GitLab that is down", after(gitlab_down), 503, "nothing was done"),
    Try("a GitLab that is busy", after(gitlab_busy), 503, "nothing was done"),
    Try("another commit than the page showed", pressing(sha="0" * 40), 409, "the page showed another commit"),
    Try("a commit cut short", pressing(sha="0a1b2c3"), 409, "the page showed another commit"),
    Try("a withdrawn release approved", after(withdrawn), 409, "it was withdrawn"),
    Try("a withdrawn release retried", after(withdrawn, "retry"), 409, "it was withdrawn"),
    Try("no commit", pressing(sha=""), 409, "the page showed another commit"),
    Try("a hold without an end", pressing("hold", span=""), 409, "for how long?"),
    Try("a hold of no time", pressing("hold", span="0s"), 409, "for how long?"),
    Try("a hold for years", pressing("hold", span="999d"), 409, "at most 14 days"),
    Try("a hold of nonsense", pressing("hold", span="2d; drop"), 409, "for how long?"),
    Try("an unknown release", on_key(lambda bench: bench.release.key.replace("v1.0.0", "v9")), 404, NOT_HERE),
    Try("a release of a project that is not theirs", on_key(lambda bench: f"99{bench.release.key}"), 404, NOT_HERE),
    Try("a key that climbs", on_key(lambda bench: f"..%2F..%2F{bench.release.key}"), 404, NOT_HERE),
    Try("a key with a NUL", on_key(lambda bench: f"{bench.release.key}%00"), 404, NOT_HERE),
    Try("a key of 3 KB", on_key(lambda bench: f"{bench.release.key}{'0' * 3_000}"), 404, NOT_HERE),
    Try("a press too many", pressed_too_often, 429, "too many presses"),
]


@pytest.mark.parametrize("one", [*map(case, [*FORMS, *SESSIONS]), *(case(one, slow=True) for one in RIGHTS)])
def test_nothing_is_pressed_by_it(bench: Bench, one: Try) -> None:
    answer = one.attack(bench)
    assert (answer.status_code, one.words in answer.text) == (one.status, True), answer.text
    assert "location" not in answer.headers
    assert "<a href=" in answer.text, "the next step"
    assert bench.untouched()
    assert not [line for line in bench.ledger() if line.startswith("done")]


@pytest.mark.slow
def test_a_tag_that_moved_after_the_page_is_not_approved(bench: Bench) -> None:
    world, project = bench.org.world, bench.org.project
    refs = project.git.refs()
    browser = bench.entered()
    world.commit(project, "main", "More", {"more": "1"}, bench.org.people["owner"])
    bench.org.call("DELETE", f"/projects/{project.id}/repository/tags/v1.0.0", "owner")
    world.create_tag(project, "v1.0.0", "main", bench.org.people["owner"])
    try:
        answer = browser.press("approve")
    finally:
        bench.org.call("DELETE", f"/projects/{project.id}/repository/tags/v1.0.0", "owner")
        world.create_tag(project, "v1.0.0", refs["refs/tags/v1.0.0"].commit, bench.org.people["owner"])
    assert (answer.status_code, "is not at" in answer.text) == (409, True)
    assert bench.untouched()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "CALLBACK", 405),
        ("POST", "CALLBACK", 405),
        ("PUT", "CALLBACK", 405),
        ("HEAD", "/sign-in", 405),
        ("POST", "/sign-in", 405),
        ("GET", "/sign-out", 405),
        ("PUT", "PRESS", 405),
        ("DELETE", "PRESS", 405),
        ("PATCH", "PRESS", 405),
    ],
)
def test_no_other_method_does_it(bench: Bench, method: str, path: str, status: int) -> None:
    browser = bench.entered()
    csrf = browser.csrf()
    other = bench.browser()
    back = other.agree(other.begin())
    place = {"CALLBACK": back, "PRESS": f"/releases/{bench.release.key}/approve"}.get(path, path)
    form = f"csrf={quote(csrf)}&sha={bench.release.id.sha}"
    headers = {**FORM, "Content-Type": "application/x-www-form-urlencoded"}
    answer = (other if path == "CALLBACK" else browser).send(method, place, content=form, headers=headers)
    assert answer.status_code == status
    assert bench.untouched() and browser.who() == "maintainer"
    assert other.get(back).status_code == 303, "the sign-in on its way was not used up"


def test_a_get_on_a_button_presses_nothing(bench: Bench) -> None:
    browser = bench.entered()
    browser.get(f"/releases/{bench.release.key}/approve?csrf={quote(browser.csrf())}&sha={bench.release.id.sha}")
    assert bench.untouched()


@pytest.mark.parametrize(
    "next_",
    [
        EVIL,
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "/" + "x" * 5_000,
        "/sign-out",
    ],
)
def test_nobody_is_led_elsewhere_after_a_sign_in(bench: Bench, next_: str) -> None:
    assert bench.browser().enter(next_=next_).headers["location"] == "/"
    assert bench.entered().get(f"/sign-in?next={quote(next_, safe='')}").headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
        {"Forwarded": "host=evil.example"},
        {"X-Original-URL": "/sign-in/callback", "X-HTTP-Method-Override": "POST"},
    ],
)
def test_what_a_request_says_of_our_name_changes_nothing(bench: Bench, headers: dict[str, str]) -> None:
    answer = bench.browser().get("/sign-in?next=/x", headers)
    assert query(answer.headers["location"])["redirect_uri"] == f"{PUBLIC}/sign-in/callback"
    assert "evil" not in str(answer.headers)


def test_a_session_that_was_there_before_is_not_the_one_afterwards(bench: Bench) -> None:
    """Whoever planted a session's cookie, of nobody's or of their own, does not share what comes."""
    attacker, victim = bench.entered("developer"), bench.browser()
    for planted in (attacker.session, WORD):
        victim.client.cookies.set("__Host-ropewalk", str(planted), domain="ropewalk.example.com", path="/")
        address = bench.browser().begin()
        assert address != victim.get("/sign-in").headers["location"]
    victim.client.cookies.clear()
    victim.enter()
    assert victim.session not in (attacker.session, WORD)
    assert (victim.who(), attacker.who()) == ("maintainer", "developer")


def test_a_sign_out_from_another_site_leaves_one_in(bench: Bench) -> None:
    browser = bench.entered()
    form = {"csrf": browser.csrf()}
    for headers in ({"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, {}):
        assert browser.post("/sign-out", form, headers).status_code == 403
    assert browser.post("/sign-out", {"csrf": WORD}).status_code == 403
    assert browser.who() == "maintainer"


@pytest.mark.slow
def test_a_person_whom_gitlab_locks_out_sees_nothing_and_is_out(bench: Bench) -> None:
    for lock_out in (blocked, revoked_in_gitlab):
        bench.reset()
        browser = bench.entered()
        lock_out(bench, browser)
        assert browser.get(f"/?project={bench.org.project.id}").json()["sees"] == []
        assert browser.who() is None


def test_the_table_is_as_long_as_was_promised() -> None:
    table = [*STATES, *CODES, *GITLABS, *FORMS, *SESSIONS, *RIGHTS]
    assert len({one.name for one in table}) >= 60
