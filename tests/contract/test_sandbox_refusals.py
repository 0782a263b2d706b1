"""What a refused request leaves behind, and in which words GitLab refuses: each test names the fact behind it."""

import pytest

from bot.sandbox.world.places import Project
from tests.contract.sandbox_org import Org, receiving


def released(org: Org, name: str) -> tuple[Project, str]:
    """A project with a release of v1.0, and the path of its releases."""
    project = org.new_project(f"acme/tools/{name}")
    path = f"/projects/{project.id}/releases"
    body = {"tag_name": "v1.0", "ref": "main", "description": "Before"}
    assert org.call("POST", path, json=body).status_code == 201
    return project, path


def test_a_release_refused_for_a_parameter_changes_nothing(org: Org) -> None:
    # FACTS 7: parameters are looked at before anything is done
    project, path = released(org, "whole")
    told = (400, {"error": "released_at is invalid"})
    body = {"tag_name": "v2.0", "ref": "main", "released_at": "soon"}
    answer = org.call("POST", path, json=body)
    assert (answer.status_code, answer.json()) == told
    assert project.git.tag("v2.0") is None and "v2.0" not in project.releases
    answer = org.call("PUT", f"{path}/v1.0", json={"description": "After", "name": "After", "released_at": "soon"})
    assert (answer.status_code, answer.json()) == told
    assert org.call("PUT", f"{path}/v1.0", json={"name": "After", "milestones": ["none"]}).status_code == 400
    assert (project.releases["v1.0"].description, project.releases["v1.0"].name) == ("Before", "v1.0")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"description": "x" * 1_000_001}, "Description is too long (maximum is 1000000 characters)"),
        ({"name": "x" * 256}, "Name is too long (maximum is 255 characters)"),
        (
            {"assets": {"links": [{"name": "a", "url": "ssh://x"}]}},
            "Links url is blocked: Only allowed schemes are http, https, ftp",
        ),
    ],
)
def test_a_release_that_cannot_be_saved_leaves_the_tag_that_was_made_for_it(
    org: Org, changed: dict[str, object], said: str
) -> None:
    # FACTS 7: the tag comes first, then the release is saved
    project = org.new_project(f"acme/tools/{'-'.join(changed)}")
    answer = org.call("POST", f"/projects/{project.id}/releases", json={"tag_name": "v1", "ref": "main", **changed})
    assert (answer.status_code, answer.json()) == (400, {"message": f"Validation failed: {said}"})
    assert project.git.tag("v1") is not None and not project.releases


def test_a_release_is_changed_within_the_same_bounds(org: Org) -> None:
    # FACTS 7: description of at most 1,000,000 characters
    _, path = released(org, "bounds")
    answer = org.call("PUT", f"{path}/v1.0", json={"description": "x" * 1_000_001})
    told = {"message": {"description": ["is too long (maximum is 1000000 characters)"]}}
    assert (answer.status_code, answer.json()) == (400, told)
    both = org.call("PUT", f"{path}/v1.0", json={"milestones": ["a"], "milestone_ids": [1]})
    assert "Cannot specify milestones and milestone_ids at the same time" in both.json()["error"]


def test_a_tag_takes_its_release_with_it_and_a_hook_tells(org: Org) -> None:
    # FACTS 7: deleting a tag deletes its release
    project, path = released(org, "hooked")
    with receiving() as receiver:
        body = {"url": receiver.url, "releases_events": True, "push_events": False}
        assert org.call("POST", f"/projects/{project.id}/hooks", json=body).status_code == 201
        assert org.call("DELETE", f"/projects/{project.id}/repository/tags/v1.0").status_code == 204
        assert org.control("POST", "hooks/drain").status_code == 204
        ((headers, _),), (payload,) = receiver.received, receiver.payloads()
    assert headers["X-Gitlab-Event"] == "Release Hook"
    assert (payload["object_kind"], payload["action"], payload["tag"]) == ("release", "delete", "v1.0")
    assert org.call("GET", f"{path}/v1.0").status_code == 404


def test_a_changelog_for_commits_or_branches_that_are_none_is_422_and_writes_nothing(org: Org) -> None:
    # FACTS 7: 422 when the range cannot be had
    project, _ = released(org, "ranged")
    path = f"/projects/{project.id}/repository/changelog"
    range_ = "Failed to generate the changelog: Invalid or not found commit value in the given range"
    for given in ({"from": "nope"}, {"from": "v1.0", "to": "nope"}):
        answer = org.call("GET", path, params={"version": "1.1.0", **given})
        assert (answer.status_code, answer.json()) == (422, {"message": range_})
    head = project.git.resolve("main")
    answer = org.call("POST", path, json={"version": "1.1.0", "from": "v1.0", "branch": "nope"})
    assert (answer.status_code, answer.json()) == (422, {"message": range_})
    assert org.call("POST", path, json={"version": "1.1.0", "to": "main", "branch": "nope"}).status_code == 422
    assert project.git.branch("nope") is None and project.git.resolve("main") == head


TOO_LONG = "is too long (1 MiB). The maximum size is 1 MiB."
SCOPE = "can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', '*' and spaces"
MIB = "x" * (1024 * 1024 + 1)
CONTENT = {"files": {"content": ("w-1.tar.gz", b"bytes")}}


@pytest.mark.parametrize(
    ("path", "options", "told"),
    [
        ("issues", {"json": {"title": " "}}, {"message": {"title": ["can't be blank"]}}),
        (
            "issues",
            {"json": {"title": "x" * 256}},
            {"message": {"title": ["is too long (maximum is 255 characters)"]}},
        ),
        ("issues", {"json": {"title": "x", "description": MIB}}, {"message": {"description": [TOO_LONG]}}),
        ("issues", {"json": {"title": "x", "due_date": "soon"}}, {"error": "due_date is invalid"}),
        ("issues", {"json": {"title": "x", "labels": {"a": 1}}}, {"error": "labels is invalid"}),
        (
            "merge_requests",
            {"json": {"title": "", "source_branch": "main", "target_branch": "other"}},
            {"message": {"title": ["can't be blank"]}},
        ),
        (
            "merge_requests/1/notes",
            {"json": {"body": MIB}},
            {"message": f'400 Bad request - Note {{:note=>["{TOO_LONG}"]}}'},
        ),
        ("pipeline", {"json": {"ref": "main", "variables": "x"}}, {"error": "variables is invalid"}),
        ("pipeline", {"json": {"ref": "main", "variables": ["x"]}}, {"error": "variables is invalid"}),
        ("pipeline", {"json": {"ref": "main", "inputs": "x"}}, {"error": "inputs is invalid"}),
        ("releases", {"json": {"tag_name": "v9", "ref": "main", "assets": "x"}}, {"error": "assets is invalid"}),
        (
            "variables",
            {"json": {"key": "K", "value": "v", "environment_scope": "a;b"}},
            {"message": {"environment_scope": [SCOPE]}},
        ),
        (
            "packages/pypi",
            {"data": {"name": "w", "version": "1", "sha256_digest": "short"}, **CONTENT},
            {"error": "sha256_digest is invalid"},
        ),
        (
            "packages/pypi",
            {"data": {"name": "a b", "version": "1"}, **CONTENT},
            {"message": "400 Bad request - Validation failed: Name is invalid"},
        ),
    ],
)
def test_what_the_models_refuse_is_refused_and_nothing_is_kept(
    org: Org, path: str, options: dict[str, object], told: dict[str, object]
) -> None:
    # FACTS 1, 6, 7, 8, 9: lengths, blanks, types and formats
    project = org.project
    if not project.merge_requests:
        org.world.commit(project, "topic", "Topic", {"topic.txt": "x"}, org.people["maintainer"])
        org.world.create_merge_request(project, org.people["maintainer"], "topic", "Topic")
    answer = org.call("POST", f"/projects/1/{path}", **options)  # type: ignore[arg-type]  # passed on
    assert (answer.status_code, answer.json()) == (400, told)
    assert not project.issues and not project.variables and not project.packages and not project.releases
    assert list(project.merge_requests) == [1]
    assert "api" not in [one.source for one in org.gitlab.pipelines.pipelines(1)]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("pipelines?status=done", "status"),
        ("pipelines?source=people", "source"),
        ("jobs?scope[]=done", "scope"),
        ("packages?status=new", "status"),
        ("packages?package_type=egg", "package_type"),
        ("issues?state=odd", "state"),
    ],
)
def test_a_word_outside_an_enumeration_is_refused(org: Org, question: str, name: str) -> None:
    answer = org.call("GET", f"/projects/1/{question}")
    assert (answer.status_code, answer.json()) == (400, {"error": f"{name} does not have a valid value"})


@pytest.mark.parametrize(
    "path",
    [
        *("/projects/1/variables", "/projects/1/variables/K", "/groups/acme/variables", "/admin/ci/variables"),
        *("/projects/1/hooks", "/projects/1/protected_tags", "/projects/1/triggers", "/hooks"),
    ],
)
def test_routes_that_want_a_user_first_answer_401_to_nobody(org: Org, path: str) -> None:
    # FACTS 1, 4, 5, 12: these need a role, so the question who asks comes before the question what there is
    answer = org.call("GET", path, None)
    assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


def test_a_branch_that_is_missing_is_named(org: Org) -> None:
    body = {"title": "x", "source_branch": "nope", "target_branch": "main"}
    answer = org.call("POST", "/projects/1/merge_requests", json=body)
    assert (answer.status_code, answer.json()) == (422, {"message": ['Source branch "nope" does not exist']})


def test_a_quick_action_whose_effect_is_not_here_is_refused_and_not_invented(org: Org) -> None:
    # FACTS 8: commands only, none of which applied: 400
    assert org.call("POST", "/projects/1/issues", json={"title": "Talk"}).status_code == 201
    answer = org.call("POST", "/projects/1/issues/1/notes", json={"body": "/estimate 1h"})
    assert answer.status_code == 400 and "Could not apply estimate command." in answer.text
