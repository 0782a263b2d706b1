"""The GitLab client against a server that means harm: bounded, discreet, and only our own errors."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.answers import parse_date, parse_retry, parse_time, redirect_target
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.releases import GitLabReleases
from bot.adapters.gitlab.variables import GitLabVariables
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.refs import Tag
from tests.contract.hostile import CALLS, PATIENT, SHORT, TOKEN, Answer, Asked, Call, Cut, api, error_of, hostile, reply

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_no_redirect_is_followed_and_no_credential_leaves(status: int, call: Call) -> None:
    """Whatever redirects us elsewhere gets nothing, and the person is told to set gitlab.url."""
    with hostile(lambda _: reply(200, {})) as other:
        location = f"{other.url}/api/v4/version"
        with hostile(lambda _: reply(status, b"moved", Location=location)) as server:
            error = error_of(call, api(server.url))
    assert isinstance(error, RefusedError)
    assert "gitlab.url" in error.remedy
    assert other.url in error.what
    assert other.asked == []
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "location",
    ["", "http://[bad", "http://h:99999/", "\xff\xfe", "//", "javascript:1", "http://u:p@h/", f"https://{TOKEN}@h/"],
)
def test_a_redirect_to_nonsense_is_a_sentence(location: str) -> None:
    """No address is odd enough to become somebody else's exception, and none shows its credentials."""
    with hostile(lambda _: reply(302, b"", Location=location)) as server:
        error = error_of(CALLS[0], api(server.url))
    assert isinstance(error, RefusedError)
    assert "u:p" not in str(error)


def test_a_redirect_within_gitlab_says_that_the_project_moved() -> None:
    """GitLab redirects the old path of a renamed project: gitlab.url is right then."""
    with hostile(lambda _: reply(301, b"", Location="/api/v4/projects/7")) as server:
        error = error_of(lambda one: GitLabProjects(one).project("acme/old"), api(server.url))
    assert isinstance(error, RefusedError)
    assert "new path" in error.remedy
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", None),
        ("-3", None),
        ("nan", None),
        ("inf", 86_400.0),
        ("1e9", 86_400.0),
        ("soon", None),
        ("", None),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(days=1), usegmt=True), None),
        ("Fri, 01 Jan 0001 00:00:00 +1200", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
        ("Mon, 99 Foo 2024 99:99:99 GMT", None),
    ],
)
def test_429_carries_the_wait_by_gitlabs_clock(said: str, seconds: float | None) -> None:
    """`Retry-After` is read in every form, a date against GitLab's own clock; nonsense is no wait and no crash."""
    date = format_datetime(NOON, usegmt=True)
    with hostile(lambda _: reply(429, b"Retry later\n", Retry_After=said, Date=date)) as server:
        error = error_of(CALLS[0], api(server.url))
    assert isinstance(error, TransientError)
    assert error.status == 429
    if seconds is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None
        assert abs(error.retry_after.total_seconds() - seconds) < 2
    assert len(server.asked) == 1


@pytest.mark.slow
@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} .{0,20}"))
def test_no_header_text_breaks_the_readers(text: str) -> None:
    """Dates, waits and addresses of any shape give a value or None."""
    wait = parse_retry(text, NOON)
    assert wait is None or timedelta() < wait <= timedelta(days=1)
    for moment in (parse_date(text), parse_time(text)):
        assert moment is None or moment.tzinfo is not None
    target = redirect_target("https://gitlab.example/api", text)
    assert target is None or target.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, CredentialsError),
        (403, CredentialsError),
        (405, RefusedError),
        (408, TransientError),
        (409, RefusedError),
        (422, RefusedError),
        (500, TransientError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
        (599, TransientError),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_statuses_become_our_errors_at_the_first_try(status: int, kind: type[Exception], call: Call) -> None:
    """Every refusal is one of our errors with its status; nothing is tried twice in place."""
    with hostile(lambda _: reply(status, {"message": {"base": ["no\n way"]}})) as server:
        error = error_of(call, api(server.url))
    assert type(error) is kind
    assert error.status == status
    assert len(server.asked) == 1


@pytest.mark.parametrize("call", CALLS)
def test_every_request_comes_back_to_the_budget_however_it_ends(call: Call) -> None:
    """A request that the budget believed to be under way for ever would hold up all others after the next 429."""
    answers: list[Answer] = [
        *(lambda _, status=status: reply(status, {"message": "no"}) for status in (200, 302, 401, 404, 429, 502)),
        lambda _: reply(400, b"[" * 100_000),
        lambda _: reply(200, b"x" * (SHORT.answer_bytes + 1)),
        lambda _: b"nonsense",
    ]
    for answer in answers:
        with hostile(answer) as server:
            one = api(server.url, PATIENT)
            with contextlib.suppress(TransientError, RefusedError):
                call(one)
        assert len(server.asked) == 1
        assert {line.in_flight for line in one.budget._allowances.values()} == {0}
        assert one.budget.reading(NOON).last_minute == 1


def test_404_is_none_for_a_read_and_refused_for_the_rest() -> None:
    """A missing thing is a value; a missing list or a write to nowhere is refused with its status."""
    with hostile(lambda _: reply(404, {"message": "404 Not found"})) as server:
        one = api(server.url)
        assert one.get("/projects/1") is None
        assert one.text("/projects/1") is None
        for call in CALLS[1:]:
            error = error_of(call, one)
            assert isinstance(error, RefusedError)
            assert error.status == 404


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"message": f"the token {TOKEN} is bad"}).encode(),
        json.dumps({"error": {"you sent": [f"Bearer {TOKEN}"]}}).encode(),
        f"plain {TOKEN}".encode(),
        f"<html>{TOKEN}</html>".encode(),
        json.dumps({"message": TOKEN * 50}).encode(),
        f"{'x' * 280}{TOKEN}".encode(),
        f"\x1b[31m\u202e{TOKEN}\r\n".encode(),
        b"[" * 100_000,
        b'{"message": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'"message"',
        b"\xff\xfe\x00",
        b"",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_what_a_refusal_says_never_holds_the_token(body: bytes, status: int) -> None:
    """A body that echoes our token, however dressed, leaves nothing of it in the error; nor does a strange one."""
    with hostile(lambda _: reply(status, body)) as server:
        error = error_of(CALLS[2], api(server.url))
    assert TOKEN[:12] not in str(error)
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert len(str(error)) < 600


def test_graphql_errors_come_with_200() -> None:
    """Errors in a 200 are refusals, a time-out is transient, the token is not repeated, odd shapes are no crash."""
    answers: list[tuple[object, type[Exception]]] = [
        ({"errors": [{"message": f"Query has complexity of 300 {TOKEN}"}]}, RefusedError),
        ({"errors": [{"message": "Timeout on Project.x"}], "data": {}}, TransientError),
        ({"errors": "text"}, RefusedError),
        ({"errors": 5}, RefusedError),
        ({"errors": [5, None]}, RefusedError),
        ({"data": None}, TransientError),
        ({}, TransientError),
        ([], TransientError),
    ]
    for body, kind in answers:
        with hostile(lambda _, body=body: reply(200, body)) as server:  # type: ignore[misc]  # the loop's own value
            assert type(error_of(CALLS[3], api(server.url))) is kind, body


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        lambda _: reply(200, "<html>sign in</html>", Content_Type="text/html"),
        lambda _: reply(200, b'{"id": 1, "na'),
        lambda _: reply(200, b'{"id": 1}', Content_Length="4000"),
        lambda _: reply(200, b"[" * 200_000),
        lambda _: reply(200, b"9" * 10_000),
        lambda _: reply(200, b"not gzip", Content_Encoding="gzip"),
        lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        lambda _: b"no HTTP at all\r\n\r\n",
        lambda _: b"",
        lambda _: b"HTTP/1.1 200 OK\r\n" + b"X-Flood: 1\r\n" * 500 + b"\r\n{}",
        lambda _: b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n{}",
    ],
)
def test_a_broken_answer_is_transient_and_not_asked_for_again(call: Call, answer: Callable[[Asked], bytes]) -> None:
    """HTML with 200, cut JSON, broken framing, floods of headers: try later, once, with one sentence."""
    with hostile(answer) as server:
        error = error_of(call, api(server.url, PATIENT))
    assert isinstance(error, TransientError)
    assert len(server.asked) == 1


def test_a_reset_is_transient() -> None:
    """A connection reset before, or in the middle of, an answer."""

    def before(_: Asked) -> bytes:
        raise Cut

    def within(_: Asked) -> Iterator[bytes]:
        yield reply(200, {"id": 1}, Content_Length="100")
        raise Cut

    for answer in (before, within):
        with hostile(answer) as server:
            assert isinstance(error_of(CALLS[0], api(server.url)), TransientError)


def test_nobody_listening_is_transient() -> None:
    """An address where nothing answers."""
    with hostile(lambda _: b"") as server:
        url = server.url
    assert "cannot be reached" in error_of(CALLS[0], api(url)).what


@pytest.mark.parametrize("call", CALLS)
def test_a_write_is_never_repeated_after_a_lost_reply(call: Call) -> None:
    """The effect may be there: one request leaves, whatever became of its answer."""

    def lost(_: Asked) -> bytes:
        raise Cut

    with hostile(lost) as server:
        error_of(call, api(server.url))
    assert len(server.asked) == 1


SHAPES: tuple[object, ...] = (
    {},
    [],
    [[]],
    [None],
    [1],
    ["x"],
    [{}],
    {"id": "x"},
    {"id": None},
    5,
    "text",
    None,
    [[{}]],
)
TAG = Tag(name="v1", sha="a" * 40, target="a" * 40, protected=True)
READS: tuple[Call, ...] = (
    lambda one: GitLabAccount(one).identity(),
    lambda one: GitLabProjects(one).project(1),
    lambda one: list(GitLabProjects(one).active_since(None, membership=True)),
    lambda one: list(GitLabProjects(one).of_group("acme")),
    lambda one: GitLabRefs(one).tag(1, "v1"),
    lambda one: GitLabRefs(one).tags(1),
    lambda one: GitLabPipelines(one, Path()).pipelines(1, sha="a", ref="b"),
    lambda one: GitLabPipelines(one, Path()).jobs(1, 1),
    lambda one: GitLabHistory(one).changes(1, tag=TAG, previous=[]),
    lambda one: GitLabHistory(one).changes(1, tag=TAG, previous=[TAG]),
    lambda one: GitLabReleases(one).release(1, "v1"),
    lambda one: GitLabNotes(one).notes(1, 1),
    lambda one: GitLabNotes(one).create(1, 1, "x"),
    lambda one: GitLabNotes(one).update(1, 1, 1, "x"),
    lambda one: GitLabVariables(one).variables("acme/x"),
)


@pytest.mark.parametrize("number", range(len(READS)))
def test_an_answer_of_another_shape_is_one_of_our_errors(number: int) -> None:
    """JSON that is not GitLab's (a proxy's, another implementation's) ends in a value or our error, for every read."""
    shape: list[object] = [None]
    with hostile(lambda _: reply(200, shape[0])) as server:
        one = api(server.url, SHORT)
        for shape[0] in (*SHAPES, *({"data": inner} for inner in SHAPES), {"data": {"project": {"ciVariables": 5}}}):
            try:
                READS[number](one)
            except (TransientError, RefusedError) as error:
                assert "\n" not in str(error)


def test_the_token_travels_as_bearer_and_nowhere_else() -> None:
    """One header holds the token; no netrc, no query, no body does."""
    with hostile(lambda _: reply(200, {"id": 1})) as server:
        one = api(server.url)
        one.get("/version")
        one.send("post", "/projects/1/releases", {"name": "x"})
    for asked in server.asked:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert "private-token" not in asked.headers
        assert TOKEN not in asked.target
        assert TOKEN.encode() not in asked.body


def test_credentials_in_gitlab_url_are_not_shown() -> None:
    """`where` is host and port."""
    one = api("http://user:password@127.0.0.1:1")
    assert one.where == "127.0.0.1:1"


def test_gitlabs_clock_is_asked_for_before_ours_is_used() -> None:
    """The first question of a process is what time it is there; a proxy that strips `Date` costs no request more."""
    date = format_datetime(NOON, usegmt=True)
    with hostile(lambda _: reply(200, {}, Date=date)) as server:
        account = GitLabAccount(api(server.url))
        assert abs(account.now() - NOON) < timedelta(seconds=5)
        account.now()
        assert len(server.asked) == 1
    with hostile(lambda _: reply(200, {})) as server:
        account = GitLabAccount(api(server.url))
        assert abs(account.now() - datetime.now(UTC)) < timedelta(seconds=5)
        account.now()
        assert len(server.asked) == 1
