"""Merge requests, notes with quick actions, releases, pipelines by request: as GitLab has them."""

from collections.abc import Iterator

import gitlab
import pytest

from tests.contract.sandbox_org import Org, git, organisation

WIDGET = "/projects/1"


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        made.world.protect_tag(made.project, "v*")
        yield made


def opened(org: Org) -> str:
    user = org.people["developer"]
    org.world.commit(org.project, "topic", "Add topic", {"topic.txt": "1\n"}, user)
    org.world.create_merge_request(org.project, user, "topic", "Add topic")
    return f"{WIDGET}/merge_requests/1"


def test_a_merged_request_is_found_from_every_commit_it_shipped(org: Org) -> None:
    opened(org)
    project = org.client().projects.get(1)
    request = project.mergerequests.get(1)
    head = request.sha
    request.merge()
    merged = project.mergerequests.get(1)
    assert (merged.state, merged.merge_user["username"]) == ("merged", "maintainer")
    commit = project.commits.get(merged.merge_commit_sha)
    assert commit.parent_ids[1] == head
    assert commit.message.startswith(
        "Merge branch 'topic' into 'main'\n\nAdd topic\n\nSee merge request acme/tools/widget!1"
    )
    for sha in (head, merged.merge_commit_sha):
        assert [one["iid"] for one in project.commits.get(sha).merge_requests()] == [1]
    assert [one.id for one in merged.commits()] == [head]


def test_a_squashed_merge_names_its_squash_commit(org: Org) -> None:
    path = opened(org)
    merged = org.call("PUT", f"{path}/merge", json={"squash": True}).json()
    squash = merged["squash_commit_sha"]
    assert squash and org.project.git.commits([squash])[squash].title == "Add topic"


def test_merging_is_refused_in_gitlabs_ways(org: Org) -> None:
    path = opened(org)
    assert org.call("PUT", f"{path}/merge", "developer").status_code == 401
    assert org.call("PUT", f"{path}/merge", json={"sha": "0" * 40}).status_code == 409
    org.call("PUT", path, json={"state_event": "close"})
    assert org.call("PUT", f"{path}/merge").status_code == 405


def test_conflicting_branches_do_not_merge(org: Org) -> None:
    user = org.people["developer"]
    org.world.commit(org.project, "topic", "One", {"README.md": "one\n"}, user)
    org.world.create_merge_request(org.project, user, "topic", "One")
    org.world.commit(org.project, "main", "Two", {"README.md": "two\n"}, user)
    answer = org.call("PUT", f"{WIDGET}/merge_requests/1/merge")
    assert (answer.status_code, answer.json()) == (422, {"message": "Branch cannot be merged"})


def test_a_push_that_contains_a_request_merges_it_without_a_merge_commit(org: Org) -> None:
    path = opened(org)
    folder = org.clone(org.project, "forward")
    git(folder, "push", "-q", "origin", "origin/topic:main")
    shown = org.call("GET", path).json()
    assert (shown["state"], shown["merge_commit_sha"], shown["squash_commit_sha"]) == ("merged", None, None)


def test_notes_are_made_changed_and_listed_by_python_gitlab(org: Org) -> None:
    opened(org)
    request = org.client().projects.get(1).mergerequests.get(1)
    note = request.notes.create({"body": "Hello **there**"})
    note.body = "Changed"
    note.save()
    assert [(one.id, one.body, one.system) for one in request.notes.list(get_all=True)] == [(note.id, "Changed", False)]


@pytest.mark.parametrize("body", ["/close", "  \n/close\n", "\r/close", "/CLOSE", "/close\r\n/label ~bug"])
def test_a_note_of_commands_runs_them_and_is_202_without_id(org: Org, body: str) -> None:
    path = opened(org)
    answer = org.call("POST", f"{path}/notes", json={"body": body})
    assert answer.status_code == 202
    assert set(answer.json()) == {"commands_changes", "summary"}
    assert org.call("GET", path).json()["state"] == "closed"
    assert org.call("GET", f"{path}/notes").json() == []


@pytest.mark.parametrize(
    "body",
    [
        "```\n/close\n```",
        "> /close",
        "- /close",
        " /close",
        "\\/close",
        "`/close`",
        "<div>\n/close\n</div>",
        "| a |\n|--|\n/close",
        "    /close",
        "text /close",
        "/unknown",
    ],
)
def test_what_is_no_top_level_paragraph_line_commands_nothing(org: Org, body: str) -> None:
    path = opened(org)
    answer = org.call("POST", f"{path}/notes", json={"body": body})
    assert (answer.status_code, answer.json()["body"]) == (201, body)
    assert org.call("GET", path).json()["state"] == "opened"


def test_commands_beside_text_run_and_leave_the_note(org: Org) -> None:
    path = opened(org)
    answer = org.call("POST", f"{path}/notes", json={"body": "Well done\n/label ~shipped"})
    assert (answer.status_code, answer.json()["body"]) == (201, "Well done")
    assert org.call("GET", path).json()["labels"] == ["shipped"]


def test_an_update_to_nothing_but_commands_runs_them_and_deletes_the_note(org: Org) -> None:
    path = opened(org)
    note = org.call("POST", f"{path}/notes", json={"body": "Text"}).json()
    answer = org.call("PUT", f"{path}/notes/{note['id']}", json={"body": "/merge"})
    assert answer.status_code == 202
    assert org.call("GET", f"{path}/notes/{note['id']}").status_code == 404
    assert org.call("GET", path).json()["state"] == "merged"


def test_a_note_has_a_size_limit_in_bytes(org: Org) -> None:
    path = opened(org)
    assert org.call("POST", f"{path}/notes", json={"body": "é" * 524_288}).status_code == 201
    assert org.call("POST", f"{path}/notes", json={"body": "é" * 524_289}).status_code == 400


def test_releases_refuse_as_gitlab_does(org: Org) -> None:
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    path = f"{WIDGET}/releases"

    def post(who: str, **body: object) -> tuple[int, object]:
        answer = org.call("POST", path, who, json=body)
        return answer.status_code, answer.json().get("message")

    assert post("maintainer", tag_name="v2") == (422, "Ref is not specified")
    refused = (403, "You are not allowed to create this tag as it is protected.")
    assert post("developer", tag_name="v1") == refused, "even though the tag exists"
    assert post("reporter", tag_name="v1")[0] == 403
    assert post("maintainer", tag_name="v1", milestones=["none"])[0] == 400
    assert post("maintainer", tag_name="v1")[0] == 201
    assert post("maintainer", tag_name="v1") == (409, "Release already exists")
    assert post("maintainer", tag_name="v2", ref="main")[0] == 201
    assert org.project.git.tag("v2") is not None


def test_release_links_are_unique_and_have_permanent_urls(org: Org) -> None:
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    project = org.client().projects.get(1)
    asset = {
        "name": "wheel",
        "url": "https://acme.example/w.whl",
        "direct_asset_path": "/w.whl",
        "link_type": "package",
    }
    release = project.releases.create({"tag_name": "v1", "description": "One", "assets": {"links": [asset]}})
    (link,) = release.links.list(get_all=True)
    assert link.direct_asset_url == f"{org.url}/acme/tools/widget/-/releases/v1/downloads/w.whl"
    with pytest.raises(gitlab.GitlabCreateError, match="has already been taken"):
        release.links.create({"name": "wheel", "url": "https://acme.example/other"})
    with pytest.raises(gitlab.GitlabCreateError):
        release.links.create({"name": "bad", "url": "javascript:alert(1)"})
    assert project.releases.get("v1").assets["count"] == 5


@pytest.mark.parametrize(
    ("body", "base"),
    [
        ({"ref": "nowhere"}, "Reference not found"),
        ({"ref": "both"}, "Ref is ambiguous"),
    ],
)
def test_pipelines_are_refused_with_400(org: Org, body: dict[str, str], base: str) -> None:
    user = org.people["maintainer"]
    org.world.commit(org.project, "both", "Both", {"b": "1"}, user)
    org.world.create_tag(org.project, "both", "main", user)
    answer = org.call("POST", f"{WIDGET}/pipeline", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": {"base": [base]}})


def test_pipeline_variables_need_the_role_the_project_asks_for(org: Org) -> None:
    org.call("PUT", WIDGET, json={"ci_pipeline_variables_minimum_override_role": "no_one_allowed"})
    body = {"ref": "main", "variables": [{"key": "K", "value": "v"}]}
    answer = org.call("POST", f"{WIDGET}/pipeline", json=body)
    assert answer.json() == {"message": {"base": ["Insufficient permissions to set pipeline variables"]}}


def test_a_pipeline_without_configuration_is_a_400(org: Org) -> None:
    project = org.new_project("acme/plain")
    answer = org.call("POST", f"/projects/{project.id}/pipeline", json={"ref": "main"})
    assert answer.status_code == 400 and "base" in answer.json()["message"]


def test_a_pipeline_by_request_is_an_api_pipeline_and_a_job_retried_has_a_new_id(org: Org) -> None:
    project = org.client().projects.get(1)
    pipeline = project.pipelines.create({"ref": "main"})
    assert pipeline.source == "api"
    org.pipelines_done(org.project, 1)
    (job,) = [one for one in pipeline.jobs.list(get_all=True) if one.name == "build"]
    fresh = project.jobs.get(job.id).retry()
    assert fresh["id"] != job.id
    assert project.jobs.get(job.id).trace()
    with pytest.raises(gitlab.GitlabJobPlayError, match="Unplayable Job"):
        project.jobs.get(job.id).play()
