"""Hooks of the sandbox: what is delivered, how it is signed, that nothing is retried, redelivery."""

import json
from collections.abc import Iterator

import pytest
from standardwebhooks.webhooks import Webhook

from tests.contract.sandbox_org import Org, Receiver, organisation, receiving

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "pipeline_events", "job_events", "releases_events")


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listen(org: Org, receiver: Receiver, *events: str, **extra: object) -> int:
    body = {"url": receiver.url, **{name: name in events for name in EVENTS}, **extra}
    answer = org.call("POST", "/projects/1/hooks", json=body)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    assert isinstance(number, int)
    return number


def drained(org: Org) -> None:
    assert org.control("POST", "hooks/drain").status_code == 204


def test_a_tag_push_is_told_with_gitlabs_headers_and_a_signature_others_verify(org: Org, receiver: Receiver) -> None:
    listen(org, receiver, "tag_push_events", token="shared-secret", signing_token=SIGNING)
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"], "One")
    drained(org)
    ((headers, body),) = receiver.received
    assert headers["X-Gitlab-Event"] == "Tag Push Hook"
    assert headers["X-Gitlab-Token"] == "shared-secret"
    assert headers["X-Gitlab-Instance"] == org.url
    assert headers["webhook-id"] == headers["Idempotency-Key"]
    payload = Webhook(SIGNING).verify(body, headers)
    ref = org.project.git.tag("v1")
    assert ref is not None
    assert (payload["object_kind"], payload["ref"], payload["message"]) == ("tag_push", "refs/tags/v1", "One")
    assert (payload["after"], payload["checkout_sha"]) == (ref.target, ref.commit), "after names the tag object"
    assert payload["user_username"] == "maintainer" and payload["project"]["path_with_namespace"] == "acme/tools/widget"


def test_a_deleted_tag_has_no_checkout_sha(org: Org, receiver: Receiver) -> None:
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    listen(org, receiver, "tag_push_events")
    org.call("DELETE", "/projects/1/repository/tags/v1")
    drained(org)
    (payload,) = receiver.payloads()
    assert (payload["after"], payload["checkout_sha"]) == ("0" * 40, None)


def test_a_pushed_branch_and_its_pipeline_and_jobs_are_told(org: Org, receiver: Receiver) -> None:
    listen(org, receiver, "push_events", "pipeline_events", "job_events")
    org.world.commit(org.project, "main", "Change", {"a": "1"}, org.people["maintainer"])
    org.pipelines_done(org.project, 1)
    drained(org)
    payloads = receiver.payloads()
    pushes = [one for one in payloads if one["object_kind"] == "push"]
    assert [(one["ref"], one["total_commits_count"]) for one in pushes] == [("refs/heads/main", 1)]
    attributes = [one["object_attributes"] for one in payloads if one["object_kind"] == "pipeline"]
    assert "success" in [one["status"] for one in attributes if isinstance(one, dict)]
    jobs = [one for one in payloads if one["object_kind"] == "build"]
    pipeline = org.gitlab.pipelines.pipelines(1)[0]
    assert {one["build_status"] for one in jobs} >= {"running", "success"}
    assert all(isinstance(one["commit"], dict) and one["commit"]["id"] == pipeline.id for one in jobs)


def test_merge_requests_and_releases_are_told(org: Org, receiver: Receiver) -> None:
    user = org.people["maintainer"]
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, user)
    listen(org, receiver, "merge_requests_events", "releases_events")
    request = org.world.create_merge_request(org.project, user, "topic", "Topic")
    sha = org.world.merge(org.project, request, user)
    org.world.create_tag(org.project, "v1", "main", user)
    assert org.call("POST", "/projects/1/releases", json={"tag_name": "v1"}).status_code == 201
    drained(org)
    told = {}
    for one in receiver.payloads():
        attributes = one.get("object_attributes", one)
        assert isinstance(attributes, dict)
        told[one["object_kind"], attributes["action"]] = attributes
    assert set(told) == {("merge_request", "open"), ("merge_request", "merge"), ("release", "create")}
    assert told["merge_request", "merge"]["merge_commit_sha"] == sha
    assert told["release", "create"]["tag"] == "v1"


def test_a_failed_delivery_is_logged_never_retried_and_can_be_sent_again(org: Org, receiver: Receiver) -> None:
    number = listen(org, receiver, "tag_push_events", token="shared-secret")
    receiver.status = 500
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    drained(org)
    assert len(receiver.received) == 1
    (row,) = org.call("GET", f"/projects/1/hooks/{number}/events?status=500").json()
    assert row["response_status"] == "500" and "shared-secret" not in str(row)
    receiver.status = 200
    assert org.call("POST", f"/projects/1/hooks/{number}/events/{row['id']}/resend").status_code == 201
    drained(org)
    first, second = receiver.received
    assert json.loads(second[1]) == row["request_data"]
    assert first[0]["Idempotency-Key"] == second[0]["Idempotency-Key"]


def test_secrets_of_a_hook_are_never_shown(org: Org, receiver: Receiver) -> None:
    number = listen(org, receiver, "push_events", token="shared-secret", signing_token=SIGNING)
    shown = org.call("GET", f"/projects/1/hooks/{number}")
    assert "shared-secret" not in shown.text and SIGNING not in shown.text
    assert shown.json()["token_present"] and shown.json()["signing_token_present"]


@pytest.mark.parametrize("url", ["http://192.0.2.1/hook", "ftp://127.0.0.1/", "http://acme.example/hook"])
def test_hooks_go_to_this_machine_only(org: Org, url: str) -> None:
    assert org.call("POST", "/projects/1/hooks", json={"url": url}).status_code == 422


@pytest.mark.parametrize(
    "token", ["", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SIGNING.removeprefix("whsec_")]
)
def test_a_signing_token_is_a_key_of_32_bytes(org: Org, receiver: Receiver, token: str) -> None:
    """GitLab: app/models/concerns/web_hooks/hook.rb, SIGNING_TOKEN_FORMAT."""
    body = {"url": receiver.url, "signing_token": token}
    assert org.call("POST", "/projects/1/hooks", json=body).status_code == 422


def test_a_note_is_told_when_written_and_when_changed_and_a_confidential_one_apart(
    org: Org, receiver: Receiver
) -> None:
    """System notes, deletions and unchanged bodies tell nobody; the event carries the note to the projects' events."""
    user = org.people["maintainer"]
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, user)
    org.world.create_merge_request(org.project, user, "topic", "Topic")
    extra: dict[str, object] = {"note_events": True}
    listen(org, receiver, **extra)
    path = "/projects/1/merge_requests/1/notes"
    number = org.call("POST", path, "developer", json={"body": "first"}).json()["id"]
    org.call("PUT", f"{path}/{number}", "developer", json={"body": "second"})
    org.call("PUT", f"{path}/{number}", "developer", json={"body": "second"})
    quiet = org.call("POST", path, "developer", json={"body": "hush", "internal": True}).json()["id"]
    told = org.call("GET", "/projects/1/events", params={"action": "commented"}).json()
    assert [(one["note"]["id"], one["note"]["noteable_iid"]) for one in told] == [(quiet, 1), (number, 1)]
    assert len(org.call("GET", "/projects/1/events", "guest", params={"action": "commented"}).json()) == 1
    org.call("DELETE", f"{path}/{number}", "developer")
    drained(org)
    attributes = [one["object_attributes"] for one in receiver.payloads()]
    # In any order: several workers deliver.
    told_of = ((one["id"], one["action"], one["note"]) for one in attributes if isinstance(one, dict))
    assert sorted(told_of, key=str) == [
        (number, "create", "first"),
        (number, "update", "second"),
    ]
    (headers, body), _ = receiver.received
    assert headers["X-Gitlab-Event"] == "Note Hook"
    assert json.loads(body)["merge_request"]["iid"] == 1
    extra = {"confidential_note_events": True}
    listen(org, receiver, **extra)
    org.call("POST", path, "developer", json={"body": "hush again", "internal": True})
    drained(org)
    headers, body = receiver.received[-1]
    assert (headers["X-Gitlab-Event"], json.loads(body)["event_type"]) == (
        "Confidential Note Hook",
        "confidential_note",
    )


def test_an_emoji_counts_as_a_change_of_the_note(org: Org) -> None:
    user = org.people["maintainer"]
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, user)
    org.world.create_merge_request(org.project, user, "topic", "Topic")
    path = "/projects/1/merge_requests/1/notes"
    number = org.call("POST", path, json={"body": "first"}).json()["id"]
    org.control("POST", "clock", json={"advance": 60})
    org.call("POST", f"{path}/{number}/award_emoji", "reporter", params={"name": "thumbsup"})
    note = org.call("GET", f"{path}/{number}").json()
    assert note["updated_at"] > note["created_at"]
