"""What is GitLab's own about hooks: which deliveries count, what is sent and what is never kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.adapters.gitlab.hooks import MOST_ROWS, PER_PAGE, GitLabHooks
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.hooks import Delivery, HookPlace, HookStatus, HookWish, PlaceKind
from bot.domain.secrets import Secret
from tests.contract.hostile import Asked, Hostile, api, hostile, reply

PLACE = HookPlace(kind=PlaceKind.GROUP, key="acme/tools", path="acme/tools")
WISH = HookWish(url="https://bot.example.com/hooks/gitlab", secret=Secret(f"whsec_{'A' * 43}="))
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
ROW = {
    "id": 4,
    "url": "https://bot.example.com/hooks/gitlab",
    "trigger": "tag_push_hooks",
    "request_headers": {"Idempotency-Key": "k4", "webhook-id": "k4"},
    "request_data": {"object_kind": "tag_push", "user_id": 5, "project": {"name": "widget"}},
    "response_status": "503",
    "created_at": "2026-08-01T12:00:00.000Z",
}
ONE = Delivery(id=4, key="k4", trigger="tag_push_hooks", url=WISH.url, status="503", at=NOON, user_id=5)


def asked_for(server: Hostile) -> dict[str, list[str]]:
    return parse_qs(urlsplit(server.asked[0].target).query)


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({}, {}),
        ({"request_headers": {"Idempotency-Key": "k4"}}, {}),
        ({"request_headers": None}, {"key": "delivery 4"}),
        ({"request_data": None}, {"user_id": None}),
        ({"request_data": {"oversize": True}}, {"user_id": None, "whole": False}),
        ({"trigger": "push_hooks"}, {"trigger": "push_hooks"}),
        (
            {"trigger": "pipeline_hooks", "request_data": {"object_attributes": {"status": "running"}}},
            {"trigger": "pipeline_hooks", "pipeline_status": "running", "user_id": None},
        ),
        ({"response_status": "internal error"}, {"status": "internal error"}),
    ],
)
def test_a_delivery_is_read_without_its_payload(changes: dict[str, object], changed: dict[str, object]) -> None:
    """A pipeline's payload carries variables with their values: none of it is kept."""
    with hostile(lambda _: reply(200, [ROW | changes])) as server:
        log = GitLabHooks(api(server.url)).deliveries(PLACE, 7, taken=False, since=NOON)
    assert log is not None
    (delivery,) = log.rows
    assert {name: getattr(delivery, name) for name in ONE.__slots__} == {
        name: changed.get(name, getattr(ONE, name)) for name in ONE.__slots__
    }
    assert asked_for(server) == {
        "per_page": [str(PER_PAGE)],
        "status": ["client_failure,server_failure,301,302,303,307,308"],
    }
    assert server.asked[0].target.startswith("/api/v4/groups/acme%2Ftools/hooks/7/events?")


def test_a_long_log_is_read_only_so_far() -> None:
    """Pages without end: what was read is told, and that it is not all."""

    def answer(asked: Asked) -> bytes:
        page = int(parse_qs(urlsplit(asked.target).query).get("page", ["1"])[0])
        rows = [ROW | {"id": 100_000 - page * PER_PAGE - number} for number in range(PER_PAGE)]
        return reply(200, rows, X_Next_Page=str(page + 1))

    with hostile(answer) as server:
        log = GitLabHooks(api(server.url)).deliveries(PLACE, 7, taken=True, since=NOON - timedelta(hours=1))
    assert log is not None
    assert (len(log.rows), log.complete) == (MOST_ROWS, False)
    assert len(server.asked) == MOST_ROWS // PER_PAGE + 1
    assert asked_for(server)["status"] == ["successful"]


@pytest.mark.parametrize(
    "rows", [{}, [[]], [ROW | {"created_at": None}], [ROW | {"request_data": "text"}], [{"id": 1}]]
)
def test_a_log_of_another_form_is_not_an_empty_one(rows: object) -> None:
    with hostile(lambda _: reply(200, rows)) as server, pytest.raises(TransientError):
        GitLabHooks(api(server.url)).deliveries(PLACE, 7, taken=True, since=NOON)


HOOK = {
    "id": 7,
    "url": WISH.url,
    "push_events": True,
    "tag_push_events": True,
    "pipeline_events": True,
    "merge_requests_events": True,
    "enable_ssl_verification": True,
    "alert_status": "executable",
    "disabled_until": None,
    "token_present": False,
    "signing_token_present": True,
}


def test_correcting_leaves_the_address_out() -> None:
    """GitLab drops a hook's secrets when its address is sent anew (app/models/concerns/web_hooks/hook.rb)."""
    with hostile(lambda _: reply(200, HOOK)) as server:
        hooks = GitLabHooks(api(server.url))
        hooks.create(PLACE, WISH)
        hooks.correct(PLACE, 7, WISH)
    made, corrected = (json.loads(one.body) for one in server.asked)
    assert [one.method for one in server.asked] == ["POST", "PUT"]
    assert made.pop("url") == WISH.url
    assert made.pop("name") == "Ropewalk"
    assert made == corrected
    assert corrected == {
        "push_events": True,
        "tag_push_events": True,
        "pipeline_events": True,
        "merge_requests_events": True,
        "enable_ssl_verification": True,
        "signing_token": WISH.secret.reveal(),
    }


def test_a_wish_for_notes_is_sent_along() -> None:
    with hostile(lambda _: reply(200, HOOK | {"note_events": True})) as server:
        made = GitLabHooks(api(server.url)).create(PLACE, replace(WISH, notes=True))
    assert made.notes
    assert json.loads(server.asked[0].body)["note_events"] is True


def test_an_older_gitlab_tells_less_of_a_hook() -> None:
    """Before 19.0 nothing of secrets, before 15 nothing of its being disabled; a new word for that is no error."""
    old = {"id": 7, "url": WISH.url, "push_events": True}
    with hostile(lambda _: reply(200, [old, HOOK | {"id": 3, "alert_status": "sleepy"}])) as server:
        new, hook = GitLabHooks(api(server.url)).hooks(PLACE)
    assert (hook.signed, hook.token, hook.status, hook.tag_push, hook.verifies_tls) == (
        None,
        None,
        HookStatus.EXECUTABLE,
        False,
        True,
    )
    assert (new.id, new.status) == (3, HookStatus.OTHER)


def test_limits_and_refusals_are_told_apart() -> None:
    """429 is for later with what GitLab asked for, 401 is for a person, 422 is an answer."""
    limited = reply(429, {"message": {"error": "too many"}}, Retry_After="60")
    with hostile(lambda _: limited) as server:
        calls: tuple[Callable[[GitLabHooks], object], ...] = (
            lambda hooks: hooks.test(PLACE, 7),
            lambda hooks: hooks.resend(PLACE, 7, 4),
            lambda hooks: hooks.hooks(PLACE),
        )
        for call in calls:  # each by a client of its own, whose budget has not heard of a 429 yet
            with pytest.raises(TransientError) as later:
                call(GitLabHooks(api(server.url)))
            assert (later.value.status, later.value.retry_after) == (429, timedelta(seconds=60))
    with hostile(lambda _: reply(401, {"message": "401 Unauthorized"})) as server, pytest.raises(CredentialsError):
        GitLabHooks(api(server.url)).resend(PLACE, 7, 4)
    with hostile(lambda _: reply(422, {"message": "Hook disabled"})) as server:
        hooks = GitLabHooks(api(server.url))
        assert "Hook disabled" in hooks.resend(PLACE, 7, 4)
        assert "Hook disabled" in hooks.test(PLACE, 7)
        with pytest.raises(RefusedError):
            hooks.create(PLACE, WISH)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (202, True), (302, False), (401, False), (503, False)])
def test_a_redelivery_counts_by_the_receivers_answer(status: int, taken: bool) -> None:
    """GitLab says 201 either way."""
    with hostile(lambda _: reply(201, {"response_status": status})) as server:
        assert (GitLabHooks(api(server.url)).resend(PLACE, 7, 4) == "") == taken
    with hostile(lambda _: reply(201, {"response_status": None})) as server, pytest.raises(TransientError):
        GitLabHooks(api(server.url)).resend(PLACE, 7, 4)
