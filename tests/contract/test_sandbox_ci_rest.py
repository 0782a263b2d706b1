"""Pipelines over REST: triggers, schedules, lint, rights on protected refs, artifacts; each promise a GitLab fact."""

from collections.abc import Iterator
from datetime import timedelta

import gitlab
import httpx
import pytest

from bot.sandbox.storage import object_storage
from tests.contract.sandbox_org import Org, organisation

WIDGET = "/projects/1"


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        made.world.protect_tag(made.project, "v*")
        yield made


def tagged(org: Org, name: str = "v1") -> int:
    """Tag, wait for its pipeline; the id of its job `build`, which leaves an artifact."""
    org.world.create_tag(org.project, name, "main", org.people["maintainer"])
    org.pipelines_done(org.project, 1)
    (build,) = [job for job in org.gitlab.pipelines.project_jobs(1) if job.name == "build"]
    return build.id


# triggers. GitLab: lib/api/ci/triggers.rb, app/presenters/ci/trigger_presenter.rb


def test_a_trigger_token_is_whole_for_its_owner_only(org: Org) -> None:
    made = org.client("maintainer").projects.get(1).triggers.create({"description": "outside"})
    assert made.token.startswith("glptt-")
    org.world.add_member(org.project, org.people["outsider"], 40)
    (seen,) = org.client("outsider").projects.get(1).triggers.list(get_all=True)
    assert seen.token == made.token[:4]
    assert org.client("admin").projects.get(1).triggers.get(made.id).token == made.token
    assert org.call("GET", f"{WIDGET}/triggers", "developer").status_code == 403


def test_whoever_knows_the_token_starts_a_pipeline_with_its_owners_rights(org: Org) -> None:
    project = org.client().projects.get(1)
    secret = project.triggers.create({"description": "outside"}).token
    body = {"token": secret, "ref": "main", "variables[KIND]": "nightly"}
    answer = org.call("POST", f"{WIDGET}/trigger/pipeline", None, data=body)
    assert (answer.status_code, answer.json()["source"]) == (201, "trigger")
    assert answer.json()["user"]["username"] == "maintainer"
    variables = {
        one["key"]: one for one in org.call("GET", f"{WIDGET}/pipelines/{answer.json()['id']}/variables").json()
    }
    assert variables["KIND"]["value"] == "nightly"
    assert (
        variables["TRIGGER_PAYLOAD"]["variable_type"] == "file" and secret not in variables["TRIGGER_PAYLOAD"]["value"]
    )
    assert project.trigger_pipeline("main", secret).source == "trigger", "python-gitlab's own way"


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [("nobody-knows", {}, 404), (None, {"X-Gitlab-Event": "Pipeline Hook"}, 403)],
)
def test_unknown_tokens_and_pipeline_hooks_start_nothing(
    org: Org, token: str | None, headers: dict[str, str], status: int
) -> None:
    known = org.client().projects.get(1).triggers.create({"description": "outside"}).token
    body = {"token": token or known, "ref": "main"}
    answer = org.call("POST", f"{WIDGET}/trigger/pipeline", None, json=body, headers=headers)
    assert answer.status_code == status
    assert org.gitlab.pipelines.pipelines(1) == []


# schedules. GitLab: lib/api/ci/pipeline_schedules.rb, app/policies/ci/pipeline_schedule_policy.rb


def test_a_schedules_variables_are_for_its_owner_and_maintainers(org: Org) -> None:
    schedule = {"description": "nightly", "ref": "main", "cron": "0 1 * * *"}
    org.call("PUT", WIDGET, json={"ci_pipeline_variables_minimum_override_role": "developer"})
    org.world.protect_branch(org.project, "main", 40, 30)
    org.project.protected_branches.pop(0)
    made = org.call("POST", f"{WIDGET}/pipeline_schedules", "developer", json=schedule)
    assert made.status_code == 201, made.text
    path = f"{WIDGET}/pipeline_schedules/{made.json()['id']}"
    assert org.call("POST", f"{path}/variables", "developer", json={"key": "K", "value": "v"}).status_code == 201
    for who, sees in (("developer", True), ("maintainer", True), ("reporter", False)):
        shown = org.call("GET", path, who).json()
        assert ("variables" in shown) is sees, who
    assert all("variables" not in row for row in org.call("GET", f"{WIDGET}/pipeline_schedules").json())
    assert org.call("GET", path, "guest").status_code == 403
    assert org.call("PUT", path, "maintainer", json={"active": False}).status_code == 403, "only its owner edits"
    assert org.call("POST", f"{path}/take_ownership", "maintainer").status_code == 201
    assert org.call("PUT", path, "maintainer", json={"active": False}).json()["next_run_at"] is None


def test_a_schedule_is_played_by_python_gitlab(org: Org) -> None:
    project = org.client().projects.get(1)
    schedule = project.pipelineschedules.create({"description": "nightly", "ref": "main", "cron": "0 1 * * 1-5"})
    schedule.variables.create({"key": "KIND", "value": "nightly"})
    schedule.play()
    (started,) = schedule.pipelines.list(get_all=True)
    assert started.source == "schedule"
    assert {one.key: one.value for one in project.pipelines.get(started.id).variables.list(get_all=True)} == {
        "KIND": "nightly"
    }


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "soon"])
def test_a_cron_line_that_is_none_is_refused(org: Org, cron: str) -> None:
    body = {"description": "nightly", "ref": "main", "cron": cron}
    answer = org.call("POST", f"{WIDGET}/pipeline_schedules", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": {"cron": ["is invalid syntax"]}})


# lint. GitLab: lib/api/lint.rb


def test_lint_resolves_includes_and_extends(org: Org) -> None:
    ci = "include: /ci/base.yml\nbuild:\n  extends: .base\n  script: make\n"
    files = {".gitlab-ci.yml": ci, "ci/base.yml": ".base:\n  stage: build\n"}
    project = org.new_project("acme/linted", files)
    shown = org.client().projects.get(project.id).ci_lint.get(include_jobs=True)
    assert (shown.valid, shown.errors, shown.warnings) == (True, [], [])
    assert "stage: build" in shown.merged_yaml
    (included,) = shown.includes
    assert (included["type"], included["location"]) == ("local", "ci/base.yml")
    assert included["context_sha"] == project.git.resolve("main") and "/-/blob/" in included["blob"]
    assert [job["name"] for job in shown.jobs] == ["build"]


@pytest.mark.parametrize(
    ("content", "merged"),
    [
        ("build: {stage: nowhere, script: make}", True),
        ("include: absent.yml", False),
        ("build: {extends: .absent, script: make}", False),
        ("a: [", False),
    ],
)
def test_merged_yaml_is_null_only_when_it_cannot_be_made(org: Org, content: str, merged: bool) -> None:
    answer = org.call("POST", f"{WIDGET}/ci/lint", json={"content": content})
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["valid"] is False and shown["errors"]
    assert (shown["merged_yaml"] is not None) is merged


def test_a_dry_run_finds_that_rules_leave_nothing(org: Org) -> None:
    content = "build:\n  script: make\n  rules: [{if: $CI_COMMIT_TAG}]\n"
    lint = org.client().projects.get(1).ci_lint
    assert lint.create({"content": content}).valid
    assert not lint.create({"content": content, "dry_run": True, "ref": "main"}).valid


def test_lint_needs_its_roles_and_a_repository(org: Org) -> None:
    empty = org.world.create_project("acme/empty")
    assert org.call("POST", f"{WIDGET}/ci/lint", "reporter", json={"content": "a: b"}).status_code == 403
    assert org.call("GET", f"{WIDGET}/ci/lint", "reporter").status_code == 200
    assert org.call("GET", f"/projects/{empty.id}/ci/lint", "admin").status_code == 404


# creation. GitLab: lib/gitlab/ci/pipeline/chain/*


def test_too_many_pipelines_of_one_commit_are_a_400(org: Org) -> None:
    org.world.pipelines_per_minute = 2
    answers = [org.call("POST", f"{WIDGET}/pipeline", json={"ref": "main"}) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 400]
    text = "Too many pipelines created in the last minute. Try again later."
    assert answers[2].json() == {"message": {"base": [text]}}
    org.world.clock.offset = timedelta(seconds=61)
    assert org.call("POST", f"{WIDGET}/pipeline", json={"ref": "main"}).status_code == 201


@pytest.mark.parametrize(
    ("role", "who", "allowed"),
    [
        ("no_one_allowed", "owner", False),
        ("developer", "developer", True),
        ("maintainer", "developer", False),
        ("maintainer", "maintainer", True),
        ("owner", "maintainer", False),
        ("owner", "owner", True),
    ],
)
def test_pipeline_variables_need_the_projects_role(org: Org, role: str, who: str, allowed: bool) -> None:
    org.call("PUT", WIDGET, "owner", json={"ci_pipeline_variables_minimum_override_role": role})
    org.world.commit(org.project, "topic", "Topic", {"t": "1"}, org.people["developer"])
    body = {"ref": "topic", "variables": [{"key": "K", "value": "v"}]}
    answer = org.call("POST", f"{WIDGET}/pipeline", who, json=body)
    assert (answer.status_code == 201) is allowed
    if not allowed:
        assert answer.json() == {"message": {"base": ["Insufficient permissions to set pipeline variables"]}}


def test_inputs_need_no_such_role(org: Org) -> None:
    ci = "spec:\n  inputs:\n    kind: {options: [fast, slow]}\n---\nbuild:\n  script: echo $[[ inputs.kind ]]\n"
    project = org.new_project("acme/inputs", {".gitlab-ci.yml": ci})
    org.call("PUT", f"/projects/{project.id}", json={"ci_pipeline_variables_minimum_override_role": "no_one_allowed"})
    path = f"/projects/{project.id}/pipeline"
    assert org.call("POST", path, json={"ref": "main", "inputs": {"kind": "fast"}}).status_code == 201
    refused = org.call("POST", path, json={"ref": "main", "inputs": {"kind": "other"}})
    assert refused.status_code == 400 and "kind" in refused.json()["message"]["base"][0]


# rights on protected refs. GitLab: app/policies/ci/{build,pipeline}_policy.rb


def test_jobs_of_a_protected_ref_are_for_those_who_may_run_pipelines_there(org: Org) -> None:
    build = tagged(org)
    (publish,) = [job.id for job in org.gitlab.pipelines.project_jobs(1) if job.name == "publish"]
    for path in (f"jobs/{publish}/play", f"jobs/{build}/retry", f"jobs/{build}/cancel", f"jobs/{build}/erase"):
        assert org.call("POST", f"{WIDGET}/{path}", "developer").status_code == 403, path
    for path in ("pipelines/1/retry", "pipelines/1/cancel"):
        assert org.call("POST", f"{WIDGET}/{path}", "developer").status_code == 403, path
    assert org.call("POST", f"{WIDGET}/jobs/{publish}/play").status_code == 200


def test_an_erased_job_has_neither_trace_nor_artifacts(org: Org) -> None:
    build = tagged(org)
    project = org.client().projects.get(1)
    project.jobs.get(build).erase()
    job = project.jobs.get(build)
    assert (bool(job.erased_at), job.attributes["artifacts"], job.trace()) == (True, [], b"")
    with pytest.raises(gitlab.GitlabJobEraseError, match="Job is not erasable!"):
        job.erase()


# artifacts. GitLab: lib/api/ci/job_artifacts.rb


def test_expired_artifacts_are_a_404_unless_kept(org: Org) -> None:
    org.world.commit(
        org.project,
        "main",
        "Expire",
        {".gitlab-ci.yml": "build:\n  script: echo a > a\n  artifacts: {paths: [a], expire_in: 1 hour}\n"},
        org.people["maintainer"],
    )
    org.pipelines_done(org.project, 1)
    org.call("POST", f"{WIDGET}/pipelines/1/retry")
    org.client().projects.get(1).pipelines.create({"ref": "main"})
    org.pipelines_done(org.project, 2)
    kept, left = sorted(job.id for job in org.gitlab.pipelines.project_jobs(1))
    org.call("POST", f"{WIDGET}/jobs/{kept}/artifacts/keep")
    org.world.clock.offset = timedelta(hours=2)
    assert org.call("GET", f"{WIDGET}/jobs/{left}/artifacts").status_code == 404
    assert org.call("GET", f"{WIDGET}/jobs/{kept}/artifacts").status_code == 200


def test_artifacts_are_read_file_by_file_and_as_a_tree(org: Org) -> None:
    build = tagged(org)
    job = org.client().projects.get(1).jobs.get(build)
    assert job.artifact("dist/made.txt") == b"made\n"
    rows = org.call("GET", f"{WIDGET}/jobs/{build}/artifacts/tree").json()
    assert [(row["path"], row["type"]) for row in rows] == [("dist", "directory")]
    (row,) = org.call("GET", f"{WIDGET}/jobs/{build}/artifacts/tree?path=dist").json()
    assert (row["path"], row["type"], row["size"]) == ("dist/made.txt", "file", 5)
    assert org.call("GET", f"{WIDGET}/jobs/{build}/artifacts/absent").status_code == 404
    assert org.call("GET", f"{WIDGET}/jobs/{build}/artifacts/dist/..%2F..%2Fx").status_code == 400


def test_artifacts_by_ref_are_those_of_its_latest_successful_pipeline(org: Org) -> None:
    user = org.people["maintainer"]
    ci = "build:\n  script: {}\n  artifacts: {{paths: [a]}}\n"
    project = org.new_project("acme/latest", {".gitlab-ci.yml": ci.format("echo one > a")})
    org.client().projects.get(project.id).pipelines.create({"ref": "main"})
    org.pipelines_done(project, 1)
    org.world.commit(project, "main", "Break", {".gitlab-ci.yml": ci.format("exit 1")}, user)
    org.pipelines_done(project, 2)
    found = org.client().projects.get(project.id).artifacts.raw("main", "a", "build")
    assert found == b"one\n", "not those of the head commit"


def test_downloads_can_lead_to_object_storage_that_takes_no_second_credential(org: Org) -> None:
    build = tagged(org)
    with object_storage(org.world) as storage:
        answer = org.call("GET", f"{WIDGET}/jobs/{build}/artifacts")
        assert answer.status_code == 302
        url = answer.headers["location"]
        assert url.startswith(storage.url) and storage.url != org.url
        assert httpx.get(url, trust_env=False, verify=False).content.startswith(b"PK")
        refused = httpx.get(url, headers={"Authorization": "Bearer x"}, trust_env=False, verify=False)
        assert (refused.status_code, storage.leaked) == (400, ["authorization"])
        assert httpx.get(url.replace("Signature=", "Signature=0"), trust_env=False, verify=False).status_code == 403
    assert org.call("GET", f"{WIDGET}/jobs/{build}/artifacts").status_code == 200
