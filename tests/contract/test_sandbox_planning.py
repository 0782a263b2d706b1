"""Issues, milestones, discussions, emoji, changelogs, merge methods, releases: as GitLab has them."""

from collections.abc import Iterator

import gitlab
import pytest

from tests.contract.sandbox_org import Org, organisation

WIDGET = "/projects/1"


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def opened(org: Org, title: str = "Add topic") -> str:
    user = org.people["developer"]
    org.world.commit(org.project, "topic", title, {"topic.txt": "1\n"}, user)
    one = org.world.create_merge_request(org.project, user, "topic", title)
    return f"{WIDGET}/merge_requests/{one.iid}"


# issues. GitLab: lib/api/issues.rb, app/services/issuable_base_service.rb


def test_an_issue_lives_through_python_gitlab(org: Org) -> None:
    project = org.client().projects.get(1)
    milestone = project.milestones.create({"title": "1.1", "due_date": "2030-01-01"})
    body = {"title": "Broken", "description": "It is.", "labels": "bug,release", "milestone_id": milestone.id}
    issue = project.issues.create(body)
    assert (issue.iid, issue.labels, issue.milestone["title"]) == (1, ["bug", "release"], "1.1")
    note = issue.notes.create({"body": "Indeed."})
    issue.add_labels = ["urgent"]
    issue.remove_labels = ["bug"]
    issue.save()
    issue.state_event = "close"
    issue.save()
    found = project.issues.get(1)
    assert (found.state, found.labels, found.user_notes_count) == ("closed", ["release", "urgent"], 1)
    assert [one.id for one in found.notes.list(get_all=True)] == [note.id]
    assert project.issues.list(state="closed", labels=["urgent"], search="brok", get_all=True)[0].iid == 1
    assert project.issues.list(state="opened", get_all=True) == []


def test_guests_report_issues_and_plan_nothing(org: Org) -> None:
    made = org.call("POST", f"{WIDGET}/issues", "guest", json={"title": "Broken", "labels": "bug"})
    assert (made.status_code, made.json()["labels"]) == (201, [])
    assert org.call("PUT", f"{WIDGET}/issues/1", "reporter", json={"labels": "bug"}).json()["labels"] == ["bug"]
    other = org.call("POST", f"{WIDGET}/issues", "maintainer", json={"title": "Secret", "confidential": True}).json()
    path = f"{WIDGET}/issues/{other['iid']}"
    assert org.call("GET", path, "guest").status_code == 404, "confidential"
    assert org.call("GET", path, "reporter").status_code == 200


def test_commands_of_a_description_run_once(org: Org) -> None:
    body = {"title": "Broken", "description": "It is.\n\n/label ~bug\n/confidential"}
    made = org.call("POST", f"{WIDGET}/issues", json=body).json()
    assert (made["description"], made["labels"], made["confidential"]) == ("It is.", ["bug"], True)
    shown = org.call("PUT", f"{WIDGET}/issues/1", json={"description": "It was.\n\n/close"}).json()
    assert (shown["description"], shown["state"]) == ("It was.", "closed")


def test_commands_in_a_merge_requests_description_run_on_create_and_update(org: Org) -> None:
    org.world.commit(org.project, "topic", "T", {"t": "1"}, org.people["developer"])
    body = {"title": "T", "source_branch": "topic", "target_branch": "main", "description": "Text\n\n/label ~a"}
    made = org.call("POST", f"{WIDGET}/merge_requests", json=body).json()
    assert (made["description"], made["labels"]) == ("Text", ["a"])
    shown = org.call("PUT", f"{WIDGET}/merge_requests/1", json={"description": "Text\n\n/close"}).json()
    assert (shown["state"], shown["description"]) == ("closed", "Text")


# discussions. GitLab: lib/api/discussions.rb, doc/api/discussions.md


def test_threads_are_resolvable_and_notes_are_not(org: Org) -> None:
    path = opened(org)
    request = org.client().projects.get(1).mergerequests.get(1)
    plain = request.notes.create({"body": "Fine."})
    thread = request.discussions.create({"body": "Why?"})
    thread.notes.create({"body": "Because."})
    by_note = {note["id"]: note for row in request.discussions.list(get_all=True) for note in row.attributes["notes"]}
    assert by_note[plain.id]["resolvable"] is False and "resolved" not in by_note[plain.id]
    assert {note["resolved"] for note in by_note.values() if note["resolvable"]} == {False}
    assert org.call("GET", path).json()["blocking_discussions_resolved"] is False
    thread.resolved = True
    thread.save()
    found = request.discussions.get(thread.id)
    assert {note["resolved"] for note in found.attributes["notes"]} == {True}
    assert found.attributes["individual_note"] is False
    assert org.call("GET", path).json()["blocking_discussions_resolved"] is True


def test_a_project_can_hold_merges_until_threads_are_resolved(org: Org) -> None:
    path = opened(org)
    org.call("PUT", WIDGET, json={"only_allow_merge_if_all_discussions_are_resolved": True})
    thread = org.call("POST", f"{path}/discussions", json={"body": "Why?"}).json()["id"]
    assert org.call("PUT", f"{path}/merge").status_code == 405
    org.call("PUT", f"{path}/discussions/{thread}", params={"resolved": "true"})
    assert org.call("PUT", f"{path}/merge").status_code == 200


def test_emoji_are_one_of_a_name_for_each_person(org: Org) -> None:
    opened(org)
    request = org.client().projects.get(1).mergerequests.get(1)
    note = request.notes.create({"body": "Released."})
    rocket = note.awardemojis.create({"name": "rocket"})
    assert [one.name for one in note.awardemojis.list(get_all=True)] == ["rocket"]
    with pytest.raises(gitlab.GitlabCreateError, match="has already been taken"):
        note.awardemojis.create({"name": "rocket"})
    request.awardemojis.create({"name": "thumbsup"})
    assert org.client().projects.get(1).mergerequests.get(1).upvotes == 1
    rocket.delete()
    assert note.awardemojis.list(get_all=True) == []


# changelog. GitLab: lib/api/repositories.rb, lib/gitlab/changelog/*


def commits(org: Org) -> None:
    user = org.people["maintainer"]
    org.world.create_tag(org.project, "v1.0.0", "main", user)
    org.world.commit(org.project, "main", "Quiet change", {"q": "1"}, user)
    path = opened(org, "Add topic\n\nChangelog: added")
    org.call("PUT", f"{path}/merge")
    org.world.create_tag(org.project, "v1.1.0-rc.1", "main", user)
    org.world.commit(org.project, "main", "Mend it\n\nChangelog: fixed", {"f": "1"}, user)


def test_a_changelog_has_the_commits_with_a_trailer_since_the_last_stable_tag(org: Org) -> None:
    commits(org)
    notes = org.call("GET", f"{WIDGET}/repository/changelog?version=1.1.0").json()["notes"]
    lines = [line for line in notes.split("\n") if line]
    assert lines[0].startswith("## 1.1.0 (20")
    assert lines[1] == "### fixed (1 change)" and lines[2].startswith("- [Mend it](acme/tools/widget@")
    assert lines[3] == "### added (1 change)"
    assert lines[4].endswith(" ([merge request](acme/tools/widget!1))")
    assert "Quiet" not in notes


@pytest.mark.parametrize(
    ("version", "status", "body"),
    [
        ("1.0rc1", 400, {"error": "version is invalid"}),
        ("1.1", 400, {"error": "version is invalid"}),
        ("release-1.1.0", 422, None),
        ("0.9.0", 422, None),
    ],
)
def test_changelogs_refuse_versions_and_missing_starts(
    org: Org, version: str, status: int, body: dict[str, str] | None
) -> None:
    commits(org)
    answer = org.call("GET", f"{WIDGET}/repository/changelog?version={version}")
    assert answer.status_code == status
    assert body in (None, answer.json())
    if status == 422:
        assert answer.json()["message"].startswith("Failed to generate the changelog: ")


def test_a_changelog_is_committed_once_newest_first(org: Org) -> None:
    commits(org)
    path = f"{WIDGET}/repository/changelog"
    assert org.call("POST", path, "developer", json={"version": "1.1.0"}).status_code == 403
    assert org.call("POST", path, json={"version": "1.1.0"}).status_code == 200
    before = org.project.git.resolve("main") or ""
    assert org.call("POST", path, json={"version": "1.1.0"}).status_code == 200
    assert org.project.git.resolve("main") == before, "a version that is there is not added again"
    org.world.create_tag(org.project, "v1.1.0", "main", org.people["maintainer"])
    org.call("POST", path, json={"version": "1.2.0"})
    found = org.project.git.blob(org.project.git.resolve("main") or "", "CHANGELOG.md")
    assert found is not None
    text = found[1].decode()
    assert text.index("## 1.2.0") < text.index("## 1.1.0") and "No changes." in text


# merging. GitLab: doc/user/project/merge_requests/methods


@pytest.mark.parametrize(
    ("method", "squash", "merge_commit", "squash_commit"),
    [
        ("merge", False, True, False),
        ("merge", True, True, True),
        ("rebase_merge", False, True, False),
        ("ff", False, False, False),
        ("ff", True, False, True),
    ],
)
def test_merge_methods_leave_the_commits_they_should(
    org: Org, method: str, squash: bool, merge_commit: bool, squash_commit: bool
) -> None:
    path = opened(org)
    org.call("PUT", WIDGET, json={"merge_method": method})
    shown = org.call("PUT", f"{path}/merge", json={"squash": squash}).json()
    assert (shown["merge_commit_sha"] is not None, shown["squash_commit_sha"] is not None) == (
        merge_commit,
        squash_commit,
    )
    head = shown["merge_commit_sha"] or shown["squash_commit_sha"] or shown["sha"]
    assert org.project.git.resolve("main") == head


@pytest.mark.parametrize("method", ["ff", "rebase_merge"])
def test_linear_methods_refuse_a_source_that_is_behind(org: Org, method: str) -> None:
    path = opened(org)
    org.world.commit(org.project, "main", "Ahead", {"ahead": "1"}, org.people["maintainer"])
    org.call("PUT", WIDGET, json={"merge_method": method})
    answer = org.call("PUT", f"{path}/merge")
    assert (answer.status_code, answer.json()) == (422, {"message": "Branch cannot be merged"})


@pytest.mark.parametrize(("option", "asked", "squashed"), [("always", False, True), ("never", True, False)])
def test_the_squash_option_overrules_the_request(org: Org, option: str, asked: bool, squashed: bool) -> None:
    path = opened(org)
    org.call("PUT", WIDGET, json={"squash_option": option})
    shown = org.call("PUT", f"{path}/merge", json={"squash": asked}).json()
    assert (shown["squash_commit_sha"] is not None) is squashed


def test_a_draft_is_not_merged(org: Org) -> None:
    path = opened(org)
    org.call("PUT", path, json={"title": "Draft: Add topic"})
    assert org.call("PUT", f"{path}/merge").status_code == 405


# releases. GitLab: app/services/releases/*, lib/api/releases.rb


def test_releases_carry_milestones_that_exist(org: Org) -> None:
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    project = org.client().projects.get(1)
    project.milestones.create({"title": "One"})
    with pytest.raises(gitlab.GitlabCreateError) as caught:
        project.releases.create({"tag_name": "v1", "milestones": ["One", "Two"]})
    assert (caught.value.response_code, caught.value.error_message) == (400, "Milestone(s) not found: Two")
    made = project.releases.create({"tag_name": "v1", "milestones": ["One"]})
    assert made.milestones[0]["issue_stats"] == {"total": 0, "closed": 0}
    org.call("PUT", f"{WIDGET}/releases/v1", json={"milestones": []})
    assert org.call("GET", f"{WIDGET}/releases/v1").json()["milestones"] == []


def test_the_permanent_link_to_the_latest_release_is_a_redirect(org: Org) -> None:
    for name in ("v1", "v2"):
        org.world.create_tag(org.project, name, "main", org.people["maintainer"])
        org.call("POST", f"{WIDGET}/releases", json={"tag_name": name})
    answer = org.call("GET", f"{WIDGET}/releases/permalink/latest/assets/links?per_page=5")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/api/v4/projects/1/releases/v2/assets/links?per_page=5"


def test_deleting_a_tag_deletes_its_release(org: Org) -> None:
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    project = org.client().projects.get(1)
    assert project.releases.create({"tag_name": "v1"}).evidences == []
    project.tags.delete("v1")
    with pytest.raises(gitlab.GitlabGetError, match="404"):
        project.releases.get("v1")


def test_a_merge_closes_the_issues_it_names(org: Org) -> None:
    """GitLab: doc/user/project/issues/managing_issues.md, the default closing pattern."""
    project = org.client().projects.get(1)
    for title in ("One", "Two", "Three"):
        project.issues.create({"title": title})
    path = opened(org, "Add topic\n\nFixes #1")
    org.call("PUT", path, json={"description": "Closes #2, see #3"})
    assert [row["iid"] for row in org.call("GET", f"{path}/closes_issues").json()] == [1, 2]
    org.call("PUT", f"{path}/merge")
    assert {one.iid: one.state for one in project.issues.list(get_all=True)} == {1: "closed", 2: "closed", 3: "opened"}
