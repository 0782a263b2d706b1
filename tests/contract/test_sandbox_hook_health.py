"""Hooks that fail, and what GitLab offers then: auto-disabling, redelivery, tests; group and system hooks."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.hooks import health
from bot.sandbox.world.settings import HOOK_EVENTS, Hook
from tests.contract.sandbox_org import Org, Receiver, git, organisation, receiving

DAY = 86_400


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listen(org: Org, receiver: Receiver, *events: str, **extra: object) -> int:
    body = {"url": receiver.url, "push_events": False, **dict.fromkeys(events, True), **extra}
    answer = org.call("POST", "/projects/1/hooks", json=body)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    assert isinstance(number, int)
    return number


def drained(org: Org) -> None:
    assert org.control("POST", "hooks/drain").status_code == 204


def tag(org: Org, name: str) -> None:
    org.world.create_tag(org.project, name, "main", org.people["maintainer"])
    drained(org)


def shift(org: Org, seconds: float) -> None:
    org.world.clock.offset += timedelta(seconds=seconds)


def resent(org: Org, hook: int, row: int) -> tuple[int, object]:
    answer = org.call("POST", f"/projects/1/hooks/{hook}/events/{row}/resend")
    return answer.status_code, answer.json()


def events(org: Org, hook: int, query: str = "") -> list[dict[str, object]]:
    answer = org.call("GET", f"/projects/1/hooks/{hook}/events{query}")
    assert answer.status_code == 200, answer.text
    rows = answer.json()
    assert isinstance(rows, list)
    return rows


def state(org: Org, hook: int) -> tuple[str, str | None]:
    shown = org.call("GET", f"/projects/1/hooks/{hook}").json()
    return shown["alert_status"], shown["disabled_until"]


# auto-disabling. GitLab: app/models/concerns/web_hooks/auto_disabling.rb


def test_a_failing_hook_is_called_on_and_on_unless_the_flag_is_set(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver, "tag_push_events")
    receiver.status = 500
    for number in range(6):
        tag(org, f"v{number}")
    assert len(receiver.received) == 6 and state(org, hook) == ("executable", None)


def test_the_fourth_failure_in_a_row_disables_for_a_minute_then_two(org: Org, receiver: Receiver) -> None:
    assert org.control("PUT", "hooks/settings", json={"auto_disable": True}).status_code == 200
    hook = listen(org, receiver, "tag_push_events")
    receiver.status = 404
    for number in range(3):
        tag(org, f"v{number}")
    assert state(org, hook) == ("executable", None)
    tag(org, "v3")
    status, until = state(org, hook)
    assert status == "temporarily_disabled" and until is not None
    rest = datetime.fromisoformat(until) - org.world.clock.now()
    assert timedelta(seconds=30) < rest <= timedelta(minutes=1)
    tag(org, "v4")
    assert len(receiver.received) == 4, "what happens meanwhile is told to nobody, then or later"
    shift(org, 61)
    assert state(org, hook)[0] == "executable"
    tag(org, "v5")
    status, until = state(org, hook)
    assert status == "temporarily_disabled" and until is not None
    assert datetime.fromisoformat(until) - org.world.clock.now() > timedelta(seconds=90)
    shift(org, 121)
    receiver.status = 200
    tag(org, "v6")
    assert state(org, hook) == ("executable", None) and len(receiver.received) == 6


def test_the_fortieth_failure_disables_until_a_test_succeeds(org: Org, receiver: Receiver) -> None:
    org.control("PUT", "hooks/settings", json={"auto_disable": True})
    hook = listen(org, receiver, "tag_push_events")
    receiver.status = 500
    for number in range(40):
        tag(org, f"v{number}")
        shift(org, DAY + 1)
    assert state(org, hook)[0] == "disabled"
    shift(org, 30 * DAY)
    told = len(receiver.received)
    tag(org, "late")
    assert len(receiver.received) == told
    failed = org.call("POST", f"/projects/1/hooks/{hook}/test/push_events")
    assert failed.status_code == 422 and state(org, hook)[0] == "disabled"
    receiver.status = 200
    assert org.call("POST", f"/projects/1/hooks/{hook}/test/push_events").status_code == 201
    assert state(org, hook) == ("executable", None)


@given(st.lists(st.booleans(), max_size=60))
def test_the_pause_doubles_to_a_day_and_a_success_forgives_all(results: list[bool]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    hook = Hook(id=1, url="http://127.0.0.1", created_at=now, uuid="u", project_id=1)
    row = 0
    for good in results:
        if health.status(hook, now) == "disabled":
            break
        row = 0 if good else row + 1
        if good:
            health.succeeded(hook)
        else:
            health.failed(hook, now)
        assert hook.recent_failures == row
        if row <= 3:
            assert hook.disabled_until is None
            continue
        assert hook.disabled_until is not None
        assert hook.disabled_until - now == min(timedelta(minutes=2 ** (row - 4)), timedelta(days=1))
        now = hook.disabled_until + timedelta(seconds=1)
    assert (health.status(hook, now) == "disabled") == (hook.recent_failures == 40)


# redelivery. GitLab: lib/api/hooks/{events,resend_hook}.rb


def test_deliveries_are_listed_for_seven_days_and_sent_again_within_them(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver, "tag_push_events")
    tag(org, "v1")
    (row,) = events(org, hook)
    shift(org, 7 * DAY - 60)
    number = row["id"]
    assert isinstance(number, int)
    assert resent(org, hook, number) == (201, {"response_status": 200})
    shift(org, 120)
    assert [one["id"] for one in events(org, hook)] == [number + 1]
    assert resent(org, hook, number)[0] == 404


def test_a_redelivery_is_what_the_log_holds_without_email_addresses(org: Org, receiver: Receiver) -> None:
    """GitLab: app/models/hooks/web_hook_log.rb. The key stays the same, so one key comes with two bodies."""
    hook = listen(org, receiver, "push_events")
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, org.people["maintainer"])
    drained(org)
    (row,) = events(org, hook)
    logged, number = row["request_data"], row["id"]
    assert isinstance(logged, dict) and isinstance(number, int)
    assert logged["commits"][0]["author"]["email"] == "[REDACTED]"
    assert resent(org, hook, number)[0] == 201
    (before, first), (after, second) = receiver.received
    assert json.loads(first)["commits"][0]["author"]["email"] == org.people["maintainer"].email
    assert json.loads(second) == logged
    assert before["webhook-id"] == after["webhook-id"] == after["Idempotency-Key"]


def test_the_list_takes_statuses_and_at_most_twenty_rows(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver, "tag_push_events")
    for number, status in enumerate((200, 404, 503)):
        receiver.status = status
        tag(org, f"v{number}")
    org.call("PUT", f"/projects/1/hooks/{hook}", json={"url": "http://127.0.0.1:1/"})
    tag(org, "unreachable")

    def statuses(query: str) -> list[object]:
        return [one["response_status"] for one in events(org, hook, query)]

    assert statuses("?status=successful") == ["200"]
    assert statuses("?status=client_failure") == ["404"]
    assert statuses("?status=server_failure") == ["internal error", "503"]
    assert statuses("?status=404,503") == ["503", "404"]
    path = f"/projects/1/hooks/{hook}/events"
    assert org.call("GET", f"{path}?per_page=21").json() == {"error": "per_page does not have a valid value"}
    assert org.call("GET", f"{path}?status=broken").json() == {"error": "status does not have a valid value"}


def test_what_went_to_another_url_cannot_be_sent_again(org: Org, receiver: Receiver) -> None:
    """GitLab: app/services/web_hooks/events/resend_service.rb."""
    hook = listen(org, receiver, "tag_push_events")
    tag(org, "v1")
    (row,) = events(org, hook)
    org.call("PUT", f"/projects/1/hooks/{hook}", json={"url": f"{receiver.url}/elsewhere"})
    number = row["id"]
    assert isinstance(number, int)
    told = {"message": "The hook URL has changed, and this log entry cannot be retried"}
    assert resent(org, hook, number) == (422, told)


def test_five_redeliveries_a_minute_are_allowed_a_sixth_is_429(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver, "tag_push_events")
    tag(org, "v1")
    number = events(org, hook)[0]["id"]
    assert isinstance(number, int)
    shift(org, 60 - org.world.clock.now().timestamp() % 60)
    assert [resent(org, hook, number)[0] for _ in range(6)] == [201] * 5 + [429]
    assert len(receiver.received) == 6


# tests of hooks. GitLab: lib/api/hooks/trigger_test.rb


NOTHING = {
    "issues_events": "Ensure the project has issues.",
    "confidential_issues_events": "Ensure the project has issues.",
    "note_events": "Ensure the project has notes.",
    "confidential_note_events": "Ensure the project has notes.",
    "merge_requests_events": "Ensure the project has merge requests.",
    "job_events": "Ensure the project has CI jobs.",
    "pipeline_events": "Ensure the project has CI pipelines.",
    "wiki_page_events": "Ensure the wiki is enabled and has pages.",
    "deployment_events": "Ensure the project has deployments.",
    "releases_events": "Ensure the project has releases.",
    "emoji_events": "Ensure the project has notes.",
}
UNTESTABLE = ("repository_update_events", "feature_flag_events", "milestone_events", "resource_deploy_token_events")


def unlimited(org: Org) -> None:
    assert org.control("PUT", "limits", json={"application": {"web_hook_test": 0}}).status_code == 200


def test_every_trigger_can_be_tested_once_there_is_something_to_tell(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver)
    unlimited(org)
    path = f"/projects/1/hooks/{hook}/test"
    for trigger in HOOK_EVENTS:
        answer = org.call("POST", f"{path}/{trigger}")
        if trigger in NOTHING:
            assert (answer.status_code, answer.json()) == (422, {"message": NOTHING[trigger]})
        else:
            assert answer.status_code == (422 if trigger in UNTESTABLE else 201), trigger
    user = org.people["maintainer"]
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, user)
    org.pipelines_done(org.project, 1)
    made = org.world.create_merge_request(org.project, user, "topic", "Topic")
    org.world.create_tag(org.project, "v1", "main", user)
    assert org.call("POST", "/projects/1/releases", json={"tag_name": "v1"}).status_code == 201
    assert org.call("POST", f"/projects/1/merge_requests/{made.iid}/notes", json={"body": "Hi"}).status_code == 201
    assert org.call("POST", "/projects/1/issues", json={"title": "Bug", "confidential": True}).status_code == 201
    drained(org)
    receiver.received.clear()
    told = {}
    for trigger in HOOK_EVENTS:
        if trigger in UNTESTABLE or trigger in ("wiki_page_events", "deployment_events"):
            continue
        assert org.call("POST", f"{path}/{trigger}").json() == {"message": "201 Created"}, trigger
        headers, body = receiver.received.pop()
        told[trigger] = (headers["X-Gitlab-Event"], json.loads(body)["object_kind"])
    assert told == {
        "push_events": ("Push Hook", "push"),
        "tag_push_events": ("Tag Push Hook", "tag_push"),
        "issues_events": ("Issue Hook", "issue"),
        "confidential_issues_events": ("Issue Hook", "issue"),
        "note_events": ("Note Hook", "note"),
        "confidential_note_events": ("Note Hook", "note"),
        "merge_requests_events": ("Merge Request Hook", "merge_request"),
        "job_events": ("Job Hook", "build"),
        "pipeline_events": ("Pipeline Hook", "pipeline"),
        "releases_events": ("Release Hook", "release"),
        "emoji_events": ("Emoji Hook", "emoji"),
        "resource_access_token_events": ("Resource Access Token Hook", "access_token"),
    }
    assert org.call("POST", f"{path}/nonsense").json() == {"error": "trigger does not have a valid value"}


def test_a_test_the_receiver_refuses_is_422_with_its_words(org: Org, receiver: Receiver) -> None:
    hook = listen(org, receiver)
    receiver.status = 500
    assert org.call("POST", f"/projects/1/hooks/{hook}/test/push_events").status_code == 422
    assert [one["response_status"] for one in events(org, hook)] == ["500"]


# custom headers. GitLab: lib/api/hooks/custom_headers.rb


def test_custom_headers_are_sent_never_shown_and_lose_against_gitlabs(org: Org, receiver: Receiver) -> None:
    given = [{"key": "X-Team", "value": "blue"}, {"key": "X-Gitlab-Event", "value": "forged"}]
    hook = listen(org, receiver, "tag_push_events", custom_headers=given)
    path = f"/projects/1/hooks/{hook}"
    assert org.call("PUT", f"{path}/custom_headers/X-Key", json={"value": "secret-key"}).status_code == 204
    assert org.call("DELETE", f"{path}/custom_headers/X-Team").status_code == 204
    assert org.call("DELETE", f"{path}/custom_headers/X-Team").status_code == 404
    refused = org.call("PUT", f"{path}/custom_headers/{'bad%20name'}", json={"value": "x"})
    assert (refused.status_code, refused.json()) == (422, {"error": "Illegal key or value"})
    assert org.call("GET", path).json()["custom_headers"] == [{"key": "X-Gitlab-Event"}, {"key": "X-Key"}]
    tag(org, "v1")
    ((headers, _),) = receiver.received
    assert headers["X-Key"] == "secret-key" and headers["X-Gitlab-Event"] == "Tag Push Hook"
    assert "secret-key" not in str(events(org, hook)) and "X-Team" not in headers


# group and system hooks


def test_a_groups_hook_is_an_owners_and_covers_all_below(org: Org, receiver: Receiver) -> None:
    """GitLab: ee/app/models/hooks/group_hook.rb."""
    body = {"url": receiver.url, "push_events": False, "tag_push_events": True}
    assert org.call("POST", "/groups/acme/hooks", json=body).status_code in (403, 404)
    made = org.call("POST", "/groups/acme/hooks", "owner", json=body).json()
    assert made["group_id"] == org.world.groups["acme"].id and "project_id" not in made
    assert made["subgroup_events"] is False
    tag(org, "v1")
    ((headers, payload),) = receiver.received
    assert headers["X-Gitlab-Event"] == "Tag Push Hook"
    assert json.loads(payload)["project"]["path_with_namespace"] == "acme/tools/widget"
    path = f"/groups/acme/hooks/{made['id']}"
    (row,) = org.call("GET", f"{path}/events", "owner").json()
    assert org.call("POST", f"{path}/events/{row['id']}/resend", "owner").status_code == 201
    assert org.call("POST", f"{path}/test/push_events", "owner").status_code == 201
    assert org.call("DELETE", path, "owner").status_code == 204
    tag(org, "v2")
    assert len(receiver.received) == 3


def test_a_groups_hook_cannot_be_made_more_than_fifty_times(org: Org, receiver: Receiver) -> None:
    for _ in range(50):
        assert org.call("POST", "/groups/acme/hooks", "owner", json={"url": receiver.url}).status_code == 201
    assert org.call("POST", "/groups/acme/hooks", "owner", json={"url": receiver.url}).status_code == 422


def test_system_hooks_are_an_admins_and_repository_update_names_every_ref(org: Org, receiver: Receiver) -> None:
    """GitLab: app/workers/repositories/post_receive_worker.rb. Four tags are too many for any tag push hook."""
    body = {"url": receiver.url, "push_events": False, "tag_push_events": True, "repository_update_events": True}
    assert org.call("POST", "/hooks", json=body).status_code == 403
    made = org.call("POST", "/hooks", "admin", json=body).json()
    clone = org.clone(org.project, "clone")
    for number in range(4):
        git(clone, "tag", f"v{number}")
    git(clone, "push", "-q", "--tags")
    drained(org)
    ((headers, payload),) = receiver.received
    told = json.loads(payload)
    assert (headers["X-Gitlab-Event"], told["event_name"]) == ("System Hook", "repository_update")
    assert told["refs"] == [f"refs/tags/v{number}" for number in range(4)] and len(told["changes"]) == 4
    assert all(re.fullmatch(r"[0-9a-f]{40}", change["after"]) for change in told["changes"])
    tried = org.call("POST", f"/hooks/{made['id']}", "admin")
    assert (tried.status_code, tried.json()["event_name"]) == (201, "project_create")
