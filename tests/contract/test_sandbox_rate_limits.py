"""Both kinds of 429 of the sandbox, as settings that are off until somebody turns them on."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.limits import Observed, Rate
from bot.sandbox.rest.limits import limit_of
from bot.sandbox.throttle import throttle_name
from tests.contract.sandbox_org import Org, organisation

PROJECT = "/projects/acme%2Ftools%2Fwidget"
TOO_MANY = {"message": {"error": "This endpoint has been requested too many times. Try again later."}}


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def limit(org: Org, **asked: object) -> dict[str, object]:
    answer = org.control("PUT", "limits", json=asked)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert isinstance(shown, dict)
    return shown


def next_window(org: Org, seconds: int) -> None:
    offset = org.control("GET", "clock").json()["offset_seconds"]
    org.control("PUT", "clock", json={"offset_seconds": offset + seconds})


def at_a_window_start(org: Org, seconds: int) -> None:
    """Move the clock to the beginning of a window, so that no test straddles two."""
    now = time.time() + org.control("GET", "clock").json()["offset_seconds"]
    next_window(org, seconds - int(now) % seconds)


def test_nothing_is_limited_until_somebody_asks_for_it(org: Org) -> None:
    answers = [org.call("GET", PROJECT) for _ in range(30)]
    assert {one.status_code for one in answers} == {200}
    assert not [name for name in answers[-1].headers if name.lower().startswith("ratelimit")]


def test_a_throttle_marks_every_answer_and_refuses_in_plain_text(org: Org) -> None:
    """GitLab: lib/gitlab/rack_attack.rb, lib/gitlab/rack_attack/request_throttle_data.rb."""
    at_a_window_start(org, 3600)
    limit(org, throttles={"throttle_authenticated_api": {"requests": 2, "seconds": 3600}})
    first, second, third = (org.call("GET", PROJECT) for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert (first.headers["RateLimit-Observed"], first.headers["RateLimit-Remaining"]) == ("1", "1")
    assert second.headers["RateLimit-Name"] == "throttle_authenticated_api"
    assert "Retry-After" not in second.headers and "RateLimit-ResetTime" not in second.headers
    assert third.headers["Content-Type"].startswith("text/plain") and third.text == "Retry later\n"
    assert third.headers["RateLimit-Limit"] == "1", "two an hour, scaled to a minute and rounded up"
    assert (third.headers["RateLimit-Observed"], third.headers["RateLimit-Remaining"]) == ("3", "0")
    reset = int(third.headers["RateLimit-Reset"])
    assert reset == int(parsedate_to_datetime(third.headers["RateLimit-ResetTime"]).timestamp())
    assert 0 < int(third.headers["Retry-After"]) <= 3600
    next_window(org, 3600)
    assert org.call("GET", PROJECT).status_code == 200


def test_a_throttle_counts_users_apart_and_nobody_by_address(org: Org) -> None:
    limit(
        org,
        throttles={
            "throttle_authenticated_api": {"requests": 1, "seconds": 86400},
            "throttle_unauthenticated_api": {"requests": 1, "seconds": 86400},
        },
    )
    assert [org.call("GET", PROJECT, who).status_code for who in ("maintainer", "owner", "maintainer")] == [
        200,
        200,
        429,
    ]
    seen = [org.call("GET", "/version", None) for _ in range(2)]
    assert [(one.status_code, one.headers["RateLimit-Name"]) for one in seen] == [
        (401, "throttle_unauthenticated_api"),
        (429, "throttle_unauthenticated_api"),
    ]


def test_one_graphql_request_is_one_api_call_multiplex_included(org: Org) -> None:
    """GitLab: lib/gitlab/rack_attack/request.rb counts what matches ^/api."""
    limit(org, throttles={"throttle_authenticated_api": {"requests": 5, "seconds": 86400}})
    headers = {"Authorization": f"Bearer {org.tokens['maintainer']}"}
    queries = [{"query": "{ currentUser { id } }"}] * 3
    answer = httpx.post(f"{org.url}/api/graphql", json=queries, headers=headers, trust_env=False, verify=False)
    assert answer.headers["RateLimit-Observed"] == "1"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v4/projects/1", "api"),
        ("/api/graphql", "api"),
        ("/api/v4/projects/1/packages/pypi/simple/widget", "packages_api"),
        ("/api/v4/groups/1/-/packages/pypi/simple/widget", "packages_api"),
        ("/api/v4/projects/1/repository/files/README.md", "files_api"),
        ("/acme/tools/widget.git/info/refs", "web"),
        ("/-/readiness", None),
    ],
)
def test_packages_files_and_git_have_throttles_of_their_own(path: str, kind: str | None) -> None:
    assert throttle_name(path, authenticated=True) == (kind and f"throttle_authenticated_{kind}")


@given(st.integers(1, 10_000), st.integers(1, 86_400), st.integers(1, 20_000), st.integers(0, 2**33))
def test_the_headers_of_a_throttle_never_contradict_each_other(
    requests: int, seconds: int, seen: int, now: int
) -> None:
    shown = Observed(name="t", rate=Rate(requests=requests, seconds=seconds), observed=seen, now=now).headers()
    assert now < int(shown["RateLimit-Reset"]) <= now + seconds
    assert (int(shown["RateLimit-Remaining"]) == 0) == (seen >= requests)
    assert ("Retry-After" in shown) == (seen > requests)
    assert int(shown["RateLimit-Limit"]) * seconds >= requests * 60


def test_an_application_limit_answers_json_and_only_retry_after(org: Org) -> None:
    """GitLab: lib/api/helpers/rate_limiter.rb. `Retry-After` is the whole window."""
    at_a_window_start(org, 60)
    limit(org, application={"jobs_index": 2})
    answers = [org.call("GET", f"{PROJECT}/jobs") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json() == TOO_MANY
    assert answers[2].headers["Retry-After"] == "60" and "RateLimit-Limit" not in answers[2].headers
    assert org.call("GET", f"{PROJECT}/jobs", "owner").status_code == 200, "users are counted apart"
    next_window(org, 60)
    assert org.call("GET", f"{PROJECT}/jobs").status_code == 200


def test_notes_are_limited_by_user_whatever_they_are_written_on(org: Org) -> None:
    org.world.commit(org.project, "topic", "Topic", {"a": "1"}, org.people["maintainer"])
    made = org.world.create_merge_request(org.project, org.people["maintainer"], "topic", "Topic")
    at_a_window_start(org, 60)
    limit(org, application={"notes_create": 1})
    path = f"{PROJECT}/merge_requests/{made.iid}/notes"
    answers = [org.call("POST", path, json={"body": f"Note {number}"}) for number in range(2)]
    assert [one.status_code for one in answers] == [201, 429]
    assert len([note for note in made.notes.values() if not note.system]) == 1, "what is refused leaves no note"


def test_too_many_pipelines_are_a_400_not_a_429(org: Org) -> None:
    """GitLab: lib/gitlab/ci/pipeline/chain/limit/rate_limit.rb, counted by project, user and commit."""
    at_a_window_start(org, 60)
    limit(org, application={"pipelines_create": 1})
    answers = [org.call("POST", f"{PROJECT}/pipeline", json={"ref": "main"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 400]
    assert answers[1].json() == {
        "message": {"base": ["Too many pipelines created in the last minute. Try again later."]}
    }
    org.world.commit(org.project, "main", "Another commit", {"a": "1"}, org.people["maintainer"])
    assert len(org.gitlab.pipelines.pipelines(org.project.id)) == 2, "another commit is another count"


@pytest.mark.parametrize(
    ("method", "template", "name"),
    [
        ("GET", "/projects", "projects_api"),
        ("GET", "/projects/:id", "project_api"),
        ("GET", "/projects/:id/jobs", "jobs_index"),
        ("GET", "/groups/:id/projects", "group_projects_api"),
        ("POST", "/projects/:id/merge_requests/:iid/notes", "notes_create"),
        ("POST", "/projects/:id/merge_requests/:iid/discussions", "notes_create"),
        ("GET", "/projects/:id/repository/changelog", "project_repositories_changelog"),
        ("POST", "/projects/:id/repository/changelog", "project_repositories_changelog"),
        ("POST", "/projects/:id/hooks/:hook_id/test/:trigger", "web_hook_test"),
        ("GET", "/projects/:id/variables", None),
        ("GET", "/projects/:id/repository/tags", None),
        ("PUT", "/projects/:id/merge_requests/:iid/notes/:note_id", None),
    ],
)
def test_each_route_counts_on_gitlabs_limit_for_it(method: str, template: str, name: str | None) -> None:
    found = limit_of(method, template)
    assert (found.name if found else None) == name


def test_profiles_bring_the_limits_of_real_instances(org: Org) -> None:
    assert limit(org, profile="self_managed")["throttles"] == {}
    shown = limit(org, profile="gitlab_com", application={"notes_create": 0})
    application, throttles = shown["application"], shown["throttles"]
    assert isinstance(application, dict) and isinstance(throttles, dict)
    assert (application["pipelines_create"], application["notes_create"]) == (25, 0)
    assert throttles["throttle_authenticated_api"] == {"requests": 2000, "seconds": 60}
    assert limit(org, profile="off")["throttles"] == {}


@pytest.mark.parametrize(
    "asked",
    [
        {"profile": "kind"},
        {"application": {"notes": 1}},
        {"throttles": {"throttle_authenticated_api": 5}},
        {"throttles": {"throttle_authenticated_api": {"requests": 1, "seconds": 0}}},
        {"aplication": {}},
    ],
)
def test_misuse_gets_a_sentence_and_changes_nothing(org: Org, asked: dict[str, object]) -> None:
    before = org.control("GET", "limits").json()
    answer = org.control("PUT", "limits", json=asked)
    assert answer.status_code == 400 and len(answer.json()["error"]) > 20
    assert org.control("GET", "limits").json() == before
