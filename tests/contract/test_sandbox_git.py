"""git over HTTP in the sandbox: real clones and pushes, GitLab's protection, what follows a push."""

from pathlib import Path

import pytest

from tests.contract.sandbox_org import Org, git, receiving


def commit(folder: Path, name: str = "change.txt") -> None:
    (folder / name).write_text("changed\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", f"Change {name}")


def test_a_push_moves_the_branch_that_the_api_shows(org: Org) -> None:
    project = org.new_project("acme/pushed")
    folder = org.clone(project, "pushed")
    commit(folder)
    git(folder, "push", "-q", "origin", "main")
    head = git(folder, "rev-parse", "HEAD").strip()
    assert org.call("GET", f"/projects/{project.id}/repository/branches/main").json()["commit"]["id"] == head


def test_a_push_to_an_empty_project_makes_its_default_branch(org: Org) -> None:
    project = org.world.create_project("acme/empty")
    org.world.add_member(project, org.people["maintainer"], 40)
    assert org.call("GET", f"/projects/{project.id}").json()["default_branch"] is None
    folder = org.folder / "empty"
    folder.mkdir()
    git(folder, "init", "-qb", "trunk")
    commit(folder)
    git(folder, "push", "-q", org.remote(project), "trunk")
    shown = org.call("GET", f"/projects/{project.id}").json()
    assert (shown["default_branch"], project.protects("trunk", tag=False)) == ("trunk", True)


def test_strangers_are_asked_for_credentials_and_outsiders_find_nothing(org: Org) -> None:
    url = f"{org.url}/acme/tools/widget.git"
    assert "could not read Username" in git(org.folder, "ls-remote", url, accept=(128,))
    told = git(org.folder, "ls-remote", org.remote(org.project, "outsider"), accept=(128,))
    assert "not found" in told


def test_a_developer_cannot_push_to_a_protected_branch_or_tag(org: Org) -> None:
    project = org.new_project("acme/guarded")
    org.world.protect_tag(project, "v*")
    folder = org.clone(project, "guarded", "developer")
    commit(folder)
    told = git(folder, "push", "origin", "main", accept=(1,))
    assert "GitLab: You are not allowed to push code to protected branches on this project." in told
    assert "pre-receive hook declined" in told
    git(folder, "tag", "v1")
    told = git(folder, "push", "origin", "v1", "HEAD:refs/heads/topic", accept=(1,))
    assert "GitLab: You are not allowed to create this tag as it is protected." in told
    assert project.git.branch("topic") is None, "one refusal refuses the whole push"
    git(folder, "push", "-q", "origin", "HEAD:refs/heads/topic")
    assert project.git.branch("topic") is not None


def test_protected_tags_neither_move_nor_go_by_push(org: Org) -> None:
    project = org.new_project("acme/fixed")
    org.world.protect_tag(project, "v*")
    folder = org.clone(project, "fixed")
    git(folder, "tag", "v1")
    git(folder, "push", "-q", "origin", "v1")
    commit(folder)
    git(folder, "tag", "-f", "v1")
    assert "Protected tags cannot be updated." in git(folder, "push", "-f", "origin", "v1", accept=(1,))
    told = git(folder, "push", "origin", ":v1", accept=(1,))
    assert "You can only delete protected tags using the web interface." in told


def test_a_protected_branch_is_not_rewritten(org: Org) -> None:
    project = org.new_project("acme/forward")
    folder = org.clone(project, "forward")
    git(folder, "commit", "-q", "--amend", "-m", "Another history")
    before = project.git.branch("main")
    git(folder, "push", "-f", "origin", "main", accept=(1,))
    project.git.forget()
    assert project.git.branch("main") == before


def test_a_reading_token_cannot_push_and_a_writing_one_can(org: Org) -> None:
    project = org.new_project("acme/scoped")
    folder = org.clone(project, "scoped")
    commit(folder)
    for scope, code in (("read_repository", 128), ("write_repository", 0)):
        secret = org.world.create_token(org.people["maintainer"], [scope], scope)
        url = org.remote(project).replace(org.tokens["maintainer"], secret)
        git(folder, "push", "-q", url, "main", accept=(code,))


def test_a_tag_pushed_by_git_gets_a_pipeline_that_runs(org: Org) -> None:
    folder = org.clone(org.project, "tagged")
    git(folder, "tag", "-a", "v1.0.0", "-m", "One")
    git(folder, "push", "-q", "origin", "v1.0.0")
    org.pipelines_done(org.project, 1)
    project = org.client().projects.get(org.project.id)
    pipeline = project.pipelines.list(scope="tags", get_all=True)[0]
    assert (pipeline.ref, pipeline.status, pipeline.source) == ("v1.0.0", "manual", "push")
    jobs = {job.name: job for job in pipeline.jobs.list(get_all=True)}
    assert {name: job.status for name, job in jobs.items()} == {"build": "success", "publish": "manual"}
    assert project.jobs.get(jobs["build"].id).artifact("dist/made.txt") == b"made\n"
    project.jobs.get(jobs["publish"].id).play()
    assert org.gitlab.wait_until(lambda: org.gitlab.pipelines.pipelines(1)[0].status == "success", 30)
    assert b"published" in project.jobs.get(jobs["publish"].id).trace()


@pytest.mark.parametrize("number", [3, 4])
def test_more_than_three_tags_in_a_push_are_told_to_nobody(org: Org, number: int) -> None:
    project = org.new_project(f"acme/crowd{number}", {".gitlab-ci.yml": "job: {script: 'true'}\n"})
    folder = org.clone(project, f"crowd{number}")
    with receiving() as project_hook, receiving() as system_hook:
        body = {"url": project_hook.url, "tag_push_events": True, "push_events": True}
        assert org.call("POST", f"/projects/{project.id}/hooks", json=body).status_code == 201
        made = org.call("POST", "/hooks", "admin", json={"url": system_hook.url, "tag_push_events": True})
        for tag in range(number):
            git(folder, "tag", f"v{tag}")
        git(folder, "push", "-q", "origin", "--tags")
        org.control("POST", "hooks/drain")
        org.call("DELETE", f"/hooks/{made.json()['id']}", "admin")
    told = {3: 3, 4: 0}[number]
    assert len(project_hook.received) == told
    updates = [one for one in system_hook.payloads() if one["event_name"] == "repository_update"]
    changes = updates[0]["changes"]
    assert isinstance(changes, list)
    assert len(changes) == number, "the system hook names every ref"
    assert len(system_hook.received) == told + 1
    events = org.call("GET", f"/projects/{project.id}/events").json()
    rows = [(one["push_data"]["ref"], one["push_data"]["ref_count"]) for one in events]
    assert rows == ([(None, 4)] if number == 4 else [("v2", None), ("v1", None), ("v0", None)])


def test_refs_after_the_fourth_of_a_push_get_no_pipeline(org: Org) -> None:
    project = org.new_project("acme/five", {".gitlab-ci.yml": "job: {script: 'true'}\n"})
    folder = org.clone(project, "five")
    for tag in range(5):
        git(folder, "tag", f"v{tag}")
    git(folder, "push", "-q", "origin", "--tags")
    org.pipelines_done(project, 4)
    assert len(org.gitlab.pipelines.pipelines(project.id)) == 4


def test_removing_a_tag_removes_its_release(org: Org) -> None:
    project = org.new_project("acme/withdrawn")
    folder = org.clone(project, "withdrawn")
    git(folder, "tag", "v1")
    git(folder, "push", "-q", "origin", "v1")
    path = f"/projects/{project.id}/releases"
    assert org.call("POST", path, json={"tag_name": "v1"}).status_code == 201
    git(folder, "push", "-q", "origin", ":v1")
    assert org.call("GET", path).json() == []


def test_refs_beside_branches_and_tags_are_taken_but_gitlabs_own(org: Org) -> None:
    """GitLab: app/models/repository.rb `RESERVED_REFS_NAMES`; `refs/notes/` is what semantic-release pushes."""
    folder = org.clone(org.project, "notes")
    git(folder, "notes", "--ref=release", "add", "-m", "shipped", "HEAD")
    git(folder, "push", "-q", "origin", "refs/notes/release")
    assert "refs/notes/release" in git(folder, "ls-remote", "origin")
    refused = git(folder, "push", "origin", "HEAD:refs/merge-requests/9/head", accept=(1,))
    assert "You are not allowed to push code to this project." in refused
