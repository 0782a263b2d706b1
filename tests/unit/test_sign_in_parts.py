"""The parts of signing in, each by itself: addresses that stay here, forms, cookies, what is pending, who is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError, TransientError
from bot.domain.secrets import Secret
from bot.domain.sign_in import GitLabUser, Tokens
from bot.web.sign_in import pending, sessions
from bot.web.sign_in.cookies import Cookies
from bot.web.sign_in.forms import HOME, MOST_BYTES, MOST_FIELDS, from_here, local_path, read_pairs
from bot.web.sign_in.pages import Notice, plain, sign_in_path
from bot.web.sign_in.pending import PendingSignIns
from bot.web.sign_in.sessions import PersonalViews, Session, Sessions

ADA = GitLabUser(user_id=5, username="ada", name="Ada")
TOKENS = Tokens(access=Secret("access-of-ada"), refresh=Secret("refresh-of-ada"), lasts=timedelta(hours=2))
OURS = "https://ropewalk.example.com"


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("path", ["/", "/releases/7/v1@0a?x=1&y=%2F%2Fevil", "/findings?rule=RW101", "/a:b/c"])
def test_a_path_of_ours_is_where_one_comes_back_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "releases",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/path\r\nSet-Cookie: a=b",
        "/x#fragment",
        "/sign-in?next=/",
        "/sign-in/callback?code=1&state=2",
        "/sign-out",
        "/ü",
        "/a b",
        "/" + "a" * 2_000,
        "http://[::1",
        "//[",
        "@evil.example",
        "/\x00",
        "/\u2028//evil.example",
    ],
)
def test_whatever_may_lead_elsewhere_leads_home(text: str | None) -> None:
    assert local_path(text) == HOME


@given(st.text(alphabet="/\\ab.:?#@ \t\n\r\0%2f\u2028\uff0f", max_size=20))
def test_no_text_at_all_leads_elsewhere(text: str) -> None:
    path = local_path(f"/{text}")
    assert path.startswith("/") and not path.startswith(("//", "/\\"))
    assert path.isascii() and path.isprintable() and "\\" not in path


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"origin": OURS}, True),
        ({"origin": OURS, "sec-fetch-site": "same-origin"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": f"{OURS}.evil.example"}, False),
        ({"origin": f"{OURS}:8443"}, False),
        ({"origin": "http://ropewalk.example.com"}, False),
        ({"origin": "https://gitlab.example.com"}, False),
        ({"origin": OURS, "sec-fetch-site": "cross-site"}, False),
        ({"origin": OURS, "sec-fetch-site": "same-site"}, False),
        ({"origin": OURS, "sec-fetch-site": "none"}, False),
        ({"referer": f"{OURS}/releases"}, False),
    ],
)
def test_a_form_is_of_a_page_of_ours_if_the_browser_says_so(headers: dict[str, str], good: bool) -> None:
    assert from_here(headers, OURS) is good


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2", None),
        ("a=%ff", None),
        ("&".join(f"f{number}=1" for number in range(MOST_FIELDS + 1)), None),
        ("a=" + "x" * MOST_BYTES, None),
        ("", {}),
    ],
)
def test_fields_are_few_short_and_come_once(text: str, found: dict[str, str] | None) -> None:
    assert read_pairs(text) == found


def request_with(*cookies: str) -> Request:
    headers = [(b"cookie", text.encode("latin-1")) for text in cookies]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})


WORD = "w" * 43


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ((f"__Host-ropewalk={WORD}",), WORD),
        ((f"other=1; __Host-ropewalk={WORD}; more=2",), WORD),
        ((), None),
        ((f"__Host-ropewalk={WORD}; __Host-ropewalk={'v' * 43}",), None),
        ((f"__Host-ropewalk={WORD}", f"__Host-ropewalk={WORD}"), None),
        ((f"__host-ropewalk={WORD}",), None),
        ((f"ropewalk={WORD}",), None),
        ((f'__Host-ropewalk="{WORD}"',), None),
        ((f"__Host-ropewalk={WORD[:-1]}",), None),
        ((f"__Host-ropewalk={WORD}x",), None),
        (("__Host-ropewalk=" + "é" * 43,), None),
        (("__Host-ropewalk=" + "a" * 9000,), None),
    ],
)
def test_only_a_word_that_we_may_have_made_is_a_cookie(sent: tuple[str, ...], value: str | None) -> None:
    cookies = Cookies.of(OURS)
    assert cookies.read(request_with(*sent), cookies.session) == value


def test_cookies_are_for_this_host_alone_and_for_no_script() -> None:
    cookies, answer = Cookies.of(OURS), Response()
    cookies.give(answer, cookies.session, WORD)
    assert answer.headers["set-cookie"] == f"__Host-ropewalk={WORD}; HttpOnly; Path=/; SameSite=lax; Secure"
    local, answer = Cookies.of("http://127.0.0.1:8931"), Response()
    local.give(answer, local.pending, WORD)
    assert answer.headers["set-cookie"] == f"ropewalk-8931-sign-in={WORD}; HttpOnly; Path=/; SameSite=lax"


# Sign-ins on their way.


def test_a_state_counts_once_in_its_browser_and_in_time() -> None:
    clock = Clock()
    book = PendingSignIns(clock)
    begun = book.begin(None, "/x")
    assert book.end("another", begun.cookie) is None
    found = book.end(begun.state, begun.cookie)
    assert found is not None and (found.next, found.verifier) == ("/x", begun.verifier)
    assert book.end(begun.state, begun.cookie) is None, "once"
    begun = book.begin(None, "/x")
    assert book.end(begun.state, book.begin(None, "/").cookie) is None, "another browser"
    assert book.end(begun.state, begun.cookie) is None, "whoever tries ends it"
    begun = book.begin(None, "/x")
    clock.now += pending.LIFETIME
    assert book.end(begun.state, begun.cookie) is None, "too late"
    assert len(book) == 0


def test_a_browser_keeps_its_cookie_only_if_we_gave_it() -> None:
    book = PendingSignIns(Clock())
    first = book.begin(None, "/")
    assert book.begin(first.cookie, "/").cookie == first.cookie, "two tabs"
    assert book.begin(WORD, "/").cookie != WORD, "planted"
    assert book.end(first.state, first.cookie) is not None


def test_neither_a_browser_nor_a_flood_fills_the_memory() -> None:
    book = PendingSignIns(Clock(), most=20)
    mine = [book.begin(None, "/")]
    mine += [book.begin(mine[0].cookie, "/") for _ in range(9)]
    assert len(book) == pending.MOST_OF_BROWSER
    assert book.end(mine[0].state, mine[0].cookie) is None
    assert book.end(mine[-1].state, mine[-1].cookie) is not None
    for _ in range(50):
        book.begin(None, "/")
    assert len(book) == 20


# Who is in.


class FakeProvider:
    """Counts, and may refuse."""

    def __init__(self) -> None:
        self.renewals = 0
        self.error: Exception | None = None

    def address(self, state: str, verifier: Secret) -> str:
        return state + verifier.reveal()

    def tokens(self, code: Secret, verifier: Secret) -> Tokens:
        del code, verifier
        return TOKENS

    def renewed(self, tokens: Tokens) -> Tokens:
        if self.error is not None:
            raise self.error
        self.renewals += 1
        return Tokens(access=Secret(f"access-{self.renewals}"), refresh=tokens.refresh, lasts=tokens.lasts)

    def revoke(self, tokens: Tokens) -> None:
        del tokens


@dataclass
class FakeView:
    """Sees even projects; counts. See bot.ports.sign_in.PersonsView."""

    asked: int = 0
    error: Exception | None = None
    used: list[Tokens] = field(default_factory=list)

    def with_tokens(self, tokens: Tokens) -> FakeView:
        self.used.append(tokens)
        return self

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return frozenset(one for one in project_ids if one % 2 == 0)

    def insiders_of(self, project_ids: Sequence[int], user_id: int) -> frozenset[int]:
        assert user_id == ADA.user_id
        self.asked += 1
        return frozenset(one for one in project_ids if one % 4 == 0)

    def user(self) -> GitLabUser:
        return ADA

    def role(self, project_id: int, user_id: int) -> int | None:
        del project_id, user_id
        return None

    def approver(self) -> Approver:
        return Approver(user_id=ADA.user_id, username=ADA.username, level=None)


def in_(clock: Clock) -> tuple[Sessions, str]:
    book = Sessions(clock)
    return book, book.open(ADA, TOKENS)[0]


def test_a_session_ends_idle_or_after_a_day_and_looks_of_live_pages_keep_nobody_in() -> None:
    clock = Clock()
    book, cookie = in_(clock)
    for _ in range(7):
        clock.now += sessions.IDLE
        assert book.find(cookie) is not None
    clock.now += sessions.IDLE
    assert book.find(cookie) is not None
    clock.now += 1
    assert book.find(cookie) is None, "eight hours and a second"
    book, cookie = in_(clock)
    clock.now += sessions.IDLE / 2
    assert book.find(cookie, touch=False) is not None
    clock.now += sessions.IDLE / 2 + 1
    assert book.find(cookie) is None
    assert book.find(None) is None and book.find(WORD) is None


def test_a_person_has_ten_sessions_and_the_oldest_goes_first() -> None:
    clock = Clock()
    book, first = in_(clock)
    others = [book.open(ADA, TOKENS) for _ in range(sessions.MOST_OF_PERSON)]
    assert book.find(first) is None
    assert [len(gone) for _, gone in others] == [0] * 9 + [1]
    assert book.find(others[0][0]) is not None
    clock.now += sessions.ABSOLUTE + 1
    book.open(ADA, TOKENS)
    assert len(book) == 1, "what is over is forgotten"


def test_presses_are_counted_for_each_person() -> None:
    clock = Clock()
    book, _ = in_(clock)
    assert [book.press(5) for _ in range(sessions.PRESSES + 1)] == [True] * sessions.PRESSES + [False]
    assert book.press(6)
    clock.now += sessions.WINDOW
    assert book.press(5)


def test_a_session_shows_no_secret() -> None:
    session = Session(ADA, TOKENS, 0.0)
    assert "access" not in repr(session) and session.csrf not in repr(session)


def test_a_token_is_renewed_before_it_ends_and_who_gets_none_is_out() -> None:
    clock, provider = Clock(), FakeProvider()
    book, cookie = in_(clock)
    view = FakeView()
    views = PersonalViews(book, provider, view.with_tokens)
    session = book.find(cookie)
    assert session is not None
    views.of(session)
    clock.now += 7200 - sessions.EARLY
    views.of(session)
    views.of(session)
    assert [one.access.reveal() for one in view.used] == ["access-of-ada", "access-1", "access-1"]
    clock.now += 7200
    provider.error = TransientError(what="down", where="there")
    with pytest.raises(TransientError):
        views.of(session)
    session.seen = clock.now
    assert book.find(cookie) is session, "a GitLab that is down throws nobody out"
    provider.error = CredentialsError(what="no", where="there")
    with pytest.raises(CredentialsError):
        views.of(session)
    assert book.find(cookie) is None


def test_what_somebody_sees_is_asked_once_a_minute_and_nothing_once_they_are_out() -> None:
    clock = Clock()
    book, cookie = in_(clock)
    view = FakeView()
    views = PersonalViews(book, FakeProvider(), view.with_tokens)
    session = book.find(cookie)
    assert session is not None
    assert views.visible(session, [1, 2, 3, 4]) == {2, 4}
    assert views.visible(session, [2, 3]) == {2}
    assert view.asked == 1
    clock.now += sessions.FRESH
    assert views.visible(session, [2]) == {2}
    assert view.asked == 2
    view.error = CredentialsError(what="blocked", where="there")
    assert views.visible(session, [2, 6]) == frozenset(), "nothing, not even what was seen within the minute"
    assert book.find(cookie) is None


def test_a_notice_is_one_escaped_sentence_and_a_way_on() -> None:
    page = plain(Notice(status=403, title="<b>", words='"><script>', link='/"x', word="<i>"))
    assert "<script>" not in page and "<b>" not in page and 'href="/&quot;x"' in page
    assert sign_in_path("/releases/1/v1@0a") == "/sign-in?next=%2Freleases%2F1%2Fv1%400a"
