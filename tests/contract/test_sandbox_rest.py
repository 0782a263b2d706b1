"""The sandbox's REST API behaves as GitLab's: paging, who sees what, tokens, tags, commits, files."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import gitlab
import pytest

from tests.contract.sandbox_org import Org, organisation

WIDGET = "/projects/acme%2Ftools%2Fwidget"


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        for number in range(25):
            made.new_project(f"acme/many/p{number:02}")
        yield made


def test_offset_pages_carry_gitlabs_headers(org: Org) -> None:
    answer = org.call("GET", "/groups/acme%2Fmany/projects?per_page=10&page=2&simple=true")
    names = ("x-page", "x-per-page", "x-next-page", "x-prev-page", "x-total", "x-total-pages")
    assert [answer.headers[name] for name in names] == ["2", "10", "3", "1", "25", "3"]
    assert set(re.findall(r'rel="(\w+)"', answer.headers["link"])) == {"prev", "next", "first", "last"}


def test_keyset_pages_follow_the_link_and_meet_every_project_once(org: Org) -> None:
    client = org.client()
    listed = client.projects.list(pagination="keyset", order_by="id", sort="asc", per_page=10, iterator=True)
    ids = [project.id for project in listed]
    assert ids == sorted(set(ids)) and len(ids) == 26


def test_keyset_by_anything_but_id_is_405(org: Org) -> None:
    answer = org.call("GET", "/projects?pagination=keyset&order_by=name")
    assert (answer.status_code, answer.json()) == (
        405,
        {"error": "Keyset pagination is not yet available for this type of request"},
    )


def test_above_ten_thousand_rows_no_totals_are_told() -> None:
    with organisation() as org:
        for number in range(10_001):
            org.world.create_project(f"huge/g{number % 50}/p{number}", files={})
        answer = org.call("GET", "/projects?simple=true&per_page=100", "admin")
        assert "x-total" not in answer.headers and "x-total-pages" not in answer.headers
        assert 'rel="last"' not in answer.headers["link"] and 'rel="next"' in answer.headers["link"]


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"PRIVATE-TOKEN": "glpat-nobody"}, 401, {"message": "401 Unauthorized"}),
        ({"Authorization": "Bearer nobody"}, 401, {"message": "401 Unauthorized"}),
        ({}, 401, {"message": "401 Unauthorized"}),
    ],
)
def test_credentials_that_are_none_are_401(
    org: Org, headers: dict[str, str], status: int, body: dict[str, str]
) -> None:
    answer = org.call("GET", "/user", None, headers=headers)
    assert (answer.status_code, answer.json()) == (status, body)


def test_an_expired_token_says_so(org: Org) -> None:
    today = org.world.clock.now().date()
    secret = org.world.create_token(org.people["developer"], ["api"], "old", expires_at=today)
    answer = org.call("GET", "/user", None, headers={"PRIVATE-TOKEN": secret})
    assert answer.status_code == 401
    assert answer.json()["error_description"].startswith("Token is expired.")


def test_a_revoked_token_says_so(org: Org) -> None:
    secret = org.world.create_token(org.people["developer"], ["api"], "old")
    org.world.revoke_token(secret)
    answer = org.call("GET", "/user", None, headers={"PRIVATE-TOKEN": secret})
    assert answer.json()["error"] == "invalid_token"


def test_reading_scope_cannot_write(org: Org) -> None:
    secret = org.world.create_token(org.people["maintainer"], ["read_api"], "reader")
    headers = {"PRIVATE-TOKEN": secret}
    assert org.call("GET", WIDGET, None, headers=headers).status_code == 200
    answer = org.call("POST", f"{WIDGET}/releases", None, headers=headers, json={"tag_name": "v1"})
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "insufficient_scope",
        "error_description": "The request requires higher privileges than provided by the access token.",
        "scope": "api",
    }


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("outsider", WIDGET, 404),
        (None, WIDGET, 404),
        ("guest", WIDGET, 200),
        ("guest", f"{WIDGET}/repository/tags", 403),
        ("reporter", f"{WIDGET}/repository/tags", 200),
        ("developer", f"{WIDGET}/variables", 403),
        ("maintainer", f"{WIDGET}/variables", 200),
        # a member of a project sees the groups above it, though not their settings
        ("maintainer", "/groups/acme/variables", 403),
        ("owner", "/groups/acme/variables", 200),
        ("owner", "/admin/ci/variables", 403),
        ("admin", "/admin/ci/variables", 200),
        ("developer", f"{WIDGET}/protected_tags", 403),
        ("developer", f"{WIDGET}/protected_branches", 200),
        ("developer", f"{WIDGET}/hooks", 403),
    ],
)
def test_roles_decide_what_is_seen(org: Org, who: str | None, path: str, status: int) -> None:
    answer = org.call("GET", path, who)
    assert answer.status_code == status


def test_unknown_routes_and_methods_are_answered_as_gitlab_does(org: Org) -> None:
    unknown = org.call("GET", "/nothing/here")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "404 Not Found"})
    assert org.call("PATCH", "/user").status_code == 405


def test_missing_parameters_are_named(org: Org) -> None:
    answer = org.call("POST", f"{WIDGET}/repository/tags", json={})
    assert (answer.status_code, answer.json()) == (400, {"error": "tag_name is missing, ref is missing"})


def test_every_answer_is_dated_by_the_worlds_clock(org: Org) -> None:
    before = parsedate_to_datetime(org.call("GET", "/user").headers["date"])
    org.control("PUT", "clock", json={"offset_seconds": 86400})
    try:
        after = parsedate_to_datetime(org.call("GET", "/user").headers["date"])
    finally:
        org.control("PUT", "clock", json={"offset_seconds": 0})
    assert timedelta(hours=23, minutes=59) < after - before < timedelta(hours=24, minutes=1)


def test_last_activity_moves_at_most_once_an_hour(org: Org) -> None:
    project = org.new_project("acme/activity")
    born = project.last_activity_at
    user = org.people["maintainer"]
    org.world.commit(project, "main", "Soon", {"a": "1"}, user)
    assert project.last_activity_at == born
    org.world.clock.offset = timedelta(minutes=61)
    try:
        org.world.commit(project, "main", "Later", {"a": "2"}, user)
        moved = project.last_activity_at
        org.world.commit(project, "main", "Again", {"a": "3"}, user)
    finally:
        org.world.clock.offset = timedelta()
    assert moved > born and project.last_activity_at == moved


def test_activity_bounds_are_strict(org: Org) -> None:
    project = org.world.projects[1]
    exactly = project.last_activity_at.isoformat()
    client = org.client()
    found = client.projects.list(last_activity_after=exactly, search="widget", get_all=True)
    assert found == []


def test_events_of_all_projects_are_the_twenty_newest(org: Org) -> None:
    user = org.people["developer"]
    project = org.new_project("acme/eventful")
    for number in range(25):
        org.world.commit(project, "main", f"Number {number}", {"n": str(number)}, user)
    events = org.call("GET", "/events?scope=all&per_page=100", "developer").json()
    assert len(events) == 20
    own = org.call("GET", "/events?per_page=100&action=pushed", "developer").json()
    assert len(own) == 25


def test_tags_are_made_listed_and_removed_by_python_gitlab(org: Org) -> None:
    project = org.client().projects.get("acme/tools/widget")
    light = project.tags.create({"tag_name": "light", "ref": "main"})
    heavy = project.tags.create({"tag_name": "heavy", "ref": "main", "message": "Heavy"})
    assert light.created_at is None and light.target == light.commit["id"]
    assert heavy.created_at and heavy.target != heavy.commit["id"] and heavy.message == "Heavy"
    assert {tag.name for tag in project.tags.list(search="^h", get_all=True)} == {"heavy"}
    with pytest.raises(gitlab.GitlabCreateError, match="Tag light already exists"):
        project.tags.create({"tag_name": "light", "ref": "main"})
    with pytest.raises(gitlab.GitlabCreateError, match="Target nowhere is invalid"):
        project.tags.create({"tag_name": "other", "ref": "nowhere"})
    light.delete()
    heavy.delete()
    assert project.tags.list(get_all=True) == []


def test_a_new_lightweight_tag_on_an_old_commit_is_not_first(org: Org) -> None:
    project = org.new_project("acme/tagged")
    user = org.people["maintainer"]
    first = project.git.resolve("main") or ""
    org.world.clock.offset = timedelta(minutes=5)
    try:
        org.world.commit(project, "main", "Newer", {"a": "1"}, user)
        org.world.create_tag(project, "v2", "main", user)
        org.world.create_tag(project, "v1-late", first, user)
    finally:
        org.world.clock.offset = timedelta()
    names = [row["name"] for row in org.call("GET", f"/projects/{project.id}/repository/tags").json()]
    assert names == ["v2", "v1-late"]


def test_tags_page_by_name_in_keyset(org: Org) -> None:
    project = org.new_project("acme/paged")
    for number in range(5):
        org.world.create_tag(project, f"v{number}", "main", org.people["maintainer"])
    path = f"/projects/{project.id}/repository/tags?pagination=keyset&order_by=name&sort=asc&per_page=2"
    first = org.call("GET", path)
    assert [row["name"] for row in first.json()] == ["v0", "v1"]
    assert "page_token=v1" in first.headers["link"]
    last = org.call("GET", f"{path}&page_token=v3")
    assert [row["name"] for row in last.json()] == ["v4"] and "link" not in last.headers


def test_files_are_read_raw_and_in_base64(org: Org) -> None:
    project = org.client().projects.get("acme/tools/widget")
    assert project.files.get("README.md", ref="main").decode() == b"# widget\n"
    assert project.files.raw("README.md", ref="main") == b"# widget\n"
    with pytest.raises(gitlab.GitlabGetError, match="404 File Not Found"):
        project.files.get("absent/file.txt", ref="main")


def test_commits_are_compared_and_followed_to_their_refs(org: Org) -> None:
    made = org.new_project("acme/compared")
    user = org.people["maintainer"]
    sha = org.world.commit(made, "topic", "Add\n\nBody", {"a.txt": "1\n"}, user)
    project = org.client().projects.get(made.id)
    difference = project.repository_compare("main", "topic")
    assert isinstance(difference, dict)
    assert [one["id"] for one in difference["commits"]] == [sha]
    assert [one["new_path"] for one in difference["diffs"]] == ["a.txt"]
    assert [ref["name"] for ref in project.commits.get(sha).refs()] == ["topic"]
    base = project.repository_merge_base(["main", "topic"])
    assert isinstance(base, dict) and base["id"] == made.git.resolve("main")


def test_group_projects_include_subgroups_only_when_asked(org: Org) -> None:
    group = org.client("owner").groups.get("acme")
    direct = {project.path_with_namespace for project in group.projects.list(get_all=True)}
    everything = {project.path_with_namespace for project in group.projects.list(get_all=True, include_subgroups=True)}
    assert "acme/tools/widget" not in direct and "acme/tools/widget" in everything


def test_branches_are_protected_and_unprotected(org: Org) -> None:
    project = org.client().projects.get("acme/tools/widget")
    project.protectedbranches.create({"name": "release/*", "push_access_level": 0, "merge_access_level": 30})
    project.branches.create({"branch": "release/1", "ref": "main"})
    branch = project.branches.get("release/1")
    assert branch.protected and branch.developers_can_merge and not branch.can_push
    with pytest.raises(gitlab.GitlabDeleteError, match="Protected branch can not be removed"):
        branch.delete()
    project.protectedbranches.delete("release/*")
    project.branches.get("release/1").delete()
