"""Starting pipelines, playing jobs and reading CI files: from the embedded GitLab, and from one that means harm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.ci.reading import read_ci
from bot.adapters.gitlab.ci_file import MOST_KEPT, GitLabCiFile
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.at_commit import GitLabCiTexts
from bot.adapters.gitlab.estate.files import Ci
from bot.adapters.gitlab.pipeline_control import A_MINUTE, GitLabPipelineControl
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.ci_plan import PlannedPipeline, Start
from bot.domain.errors import CredentialsError, PutOffError, RefusedError, TransientError
from bot.domain.gitlab import PipelineStatus
from bot.domain.policy import InputValue
from bot.domain.refs import Project, RefKind
from bot.domain.releases import ReleaseId
from bot.engine.ci_jobs import CiPlanner
from bot.sandbox.world.people import Level
from tests.contract.hostile import Asked, Cut, api, hostile, reply
from tests.contract.sandbox_org import Org

INPUTS = """\
spec:
  inputs:
    word: {default: none, options: [none, twine]}
    count: {type: number, default: 0}
    flag: {type: boolean, default: false}
    names: {type: array, default: []}
---
workflow: {rules: [{if: $CI_PIPELINE_SOURCE == "api"}]}
say: {script: ['echo "$[[ inputs.word ]] $[[ inputs.count ]] $[[ inputs.flag ]]"']}
"""
GIVEN: dict[str, InputValue] = {"word": "twine", "count": 3, "flag": True, "names": ("a", "b")}


def control(org: Org, who: str = "maintainer") -> GitLabPipelineControl:
    """As one of its people."""
    return GitLabPipelineControl(api(org.url, token=org.tokens[who]))


def read(text: str, *, merged: bool = False) -> Ci:
    """In this process, which is enough for files of our own."""
    return read_ci(text, merged=merged)


def test_a_pipeline_is_started_with_inputs_of_every_type(org: Org, tmp_path: Path) -> None:
    """They reach the jobs; no variable is sent."""
    project = org.new_project("acme/inputs", {".gitlab-ci.yml": INPUTS})
    sha = org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    started = control(org).start(project.id, "v1", GIVEN)
    assert (started.ref, started.sha, started.source) == ("v1", sha, "api")
    org.pipelines_done(project, 1)
    (job,) = GitLabPipelines(api(org.url, token=org.tokens["maintainer"]), tmp_path).jobs(project.id, started.id)
    trace = org.call("GET", f"/projects/{project.id}/jobs/{job.id}/trace").text
    assert "twine 3 true" in trace
    assert job.finished_at is not None
    assert abs(job.finished_at - datetime.now(UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("ref", "inputs", "words", "remedy"),
    [
        ("v404", {}, "Reference not found", "push it again"),
        ("twice", {}, "Ref is ambiguous", "rename or delete"),
        ("v1", {"wrod": "x"}, "unknown input", "releases[].pipeline.inputs"),
        ("v1", {"word": "x"}, "allowed options", "releases[].pipeline.inputs"),
        ("empty", {}, "prevented any jobs", "CI_PIPELINE_SOURCE is `api`"),
        ("bare", {}, "Missing CI config file", "add one"),
    ],
)
def test_every_400_comes_with_the_next_step(
    org: Org, ref: str, inputs: dict[str, InputValue], words: str, remedy: str
) -> None:
    """GitLab's own sentence, and what a person does about it."""
    project = _refusing(org)
    with pytest.raises(RefusedError) as caught:
        control(org).start(project, ref, inputs)
    assert words in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.status == 400


def test_too_many_pipelines_are_a_matter_of_time(org: Org) -> None:
    """GitLab says it with a 400; nothing was created, and a minute later it may be."""
    project = org.new_project("acme/many", {".gitlab-ci.yml": "one: {script: 'true'}\n"})
    before = org.world.pipelines_per_minute
    org.world.pipelines_per_minute = 1
    try:
        control(org).start(project.id, "main", {})
        with pytest.raises(PutOffError) as caught:
            control(org).start(project.id, "main", {})
    finally:
        org.world.pipelines_per_minute = before
    assert caught.value.retry_after == A_MINUTE


def test_who_may_not_run_a_pipeline_on_a_protected_tag_is_told_how_to(org: Org) -> None:
    """A Developer, where only Maintainers create the tag."""
    project = org.new_project("acme/closed", {".gitlab-ci.yml": "one: {script: 'true'}\n"})
    org.world.add_member(project, org.people["developer"], Level.DEVELOPER)
    org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    org.world.protect_tag(project, "v*")
    with pytest.raises(RefusedError) as caught:
        control(org, "developer").start(project.id, "v1", {})
    assert "create the protected tag" in caught.value.remedy
    assert not isinstance(caught.value, CredentialsError)


def test_a_manual_job_is_played_and_played_no_second_time(org: Org, tmp_path: Path) -> None:
    """The second play of a job that runs is refused, as GitLab does."""
    ci = "by-hand: {script: 'sleep 5', when: manual, allow_failure: false}\n"
    project = org.new_project("acme/played", {".gitlab-ci.yml": ci})
    sha = org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    pipelines = GitLabPipelines(api(org.url, token=org.tokens["maintainer"]), tmp_path)
    (pipeline,) = pipelines.pipelines(project.id, sha=sha, ref="v1")
    (job,) = pipelines.jobs(project.id, pipeline.id)
    assert (job.status, job.finished_at) == (PipelineStatus.MANUAL, None)
    played = control(org).play(project.id, job.id)
    assert played.status is not PipelineStatus.MANUAL
    with pytest.raises(RefusedError) as caught:
        control(org).play(project.id, job.id)
    assert caught.value.status == 400
    assert org.call("POST", f"/projects/{project.id}/jobs/{job.id}/cancel").status_code == 201


@pytest.mark.parametrize("answer", [reply(500, {}), reply(201, ["odd"]), None])
def test_an_answer_that_tells_nothing_leaves_it_open(answer: bytes | None) -> None:
    """It may have been started: the next look decides, not a second POST of ours."""

    def handle(_: Asked) -> bytes:
        if answer is None:
            raise Cut
        return answer

    with hostile(handle) as server, pytest.raises(TransientError):
        GitLabPipelineControl(api(server.url)).start(1, "v1", {})
    assert [asked.method for asked in server.asked] == ["POST"]


CI = """\
include: [{local: more.yml}]
stages: [build, deploy]
build:
  stage: build
  rules: [{if: $CI_COMMIT_TAG}]
  script: [python -m build]
  artifacts: {paths: [dist/]}
report: {stage: build, script: [pytest], artifacts: {paths: [coverage/]}}
publish:
  stage: deploy
  rules: [{if: '$CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"'}]
  variables: {TWINE_PASSWORD: $DEPLOY_TOKEN}
  script: [twine upload -u "$WHO" dist/*]
"""
MORE = """\
trusted:
  stage: deploy
  rules: [{if: $CI_COMMIT_TAG, when: manual}]
  id_tokens: {PYPI_ID_TOKEN: {aud: pypi}}
  script: [./send]
on-main: {stage: deploy, only: [main], script: [uv publish]}
perhaps: {stage: deploy, rules: [{if: $WANTED}], script: [twine upload dist/*]}
"""


def test_what_a_tag_would_run_is_read_at_its_commit_with_includes_merged(org: Org) -> None:
    """Two requests for a commit, then none; later commits change nothing."""
    project = org.new_project("acme/planned", {".gitlab-ci.yml": CI, "more.yml": MORE})
    sha = org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    org.world.commit(project, "main", "Away with it", {".gitlab-ci.yml": None}, org.people["maintainer"])
    client = api(org.url, token=org.tokens["maintainer"])
    planner = CiPlanner(ci_files(client))
    planned = planner.planned(_plain(project.id), _release(project.id, sha), "push")
    assert isinstance(planned, PlannedPipeline)
    assert planned.whole
    assert {(one.name, one.start, one.uploads_with, one.keeps) for one in planned.jobs} == {
        ("build", Start.ITSELF, "", True),
        ("report", Start.ITSELF, "", False),
        ("publish", Start.ITSELF, "twine", False),
        ("trusted", Start.BY_HAND, "an id token for PyPI", False),
        ("on-main", Start.NEVER, "uv", False),
        ("perhaps", Start.OPEN, "twine", False),
    }
    assert next(one.uses for one in planned.jobs if one.name == "publish") >= {"DEPLOY_TOKEN", "WHO"}
    before = len(org.gitlab.faults.log)
    assert planner.planned(_plain(project.id), _release(project.id, sha), "push") == planned
    assert len(org.gitlab.faults.log) == before


def test_a_commit_without_a_file_has_no_plan_and_a_wild_one_an_unknown_one(org: Org) -> None:
    """None, and a reason."""
    project = org.new_project("acme/nothing", {"README.md": "x"})
    files = ci_files(api(org.url, token=org.tokens["maintainer"]))
    sha = org.world.commit(project, "main", "More", {"more": "y"}, org.people["maintainer"])
    assert files.at(_plain(project.id, "acme/nothing"), sha) is None
    sha = org.world.commit(project, "main", "Wild", {".gitlab-ci.yml": "a: [\n"}, org.people["maintainer"])
    found = files.at(_plain(project.id, "acme/nothing"), sha)
    assert isinstance(found, CiUnknown)
    assert found.reason


def test_the_file_lies_where_the_projects_settings_put_it(org: Org) -> None:
    """Below another folder it is read there; in another project it is not, and that is said."""
    project = org.new_project(
        "acme/moved", {"ci/main.yml": "publish: {script: [uv publish]}\n", ".gitlab-ci.yml": "x: {}\n"}
    )
    sha = org.world.commit(project, "main", "More", {"more": "y"}, org.people["maintainer"])
    client = api(org.url, token=org.tokens["maintainer"])
    for path, jobs in (
        ("ci/main.yml", ["publish"]),
        ("ci.yml@acme/shared", None),
        ("https://ci.example.com/x.yml", None),
    ):
        found = GitLabCiFile(client, read, lambda _, path=path: path).at(_plain(project.id), sha)  # type: ignore[misc]  # bound now
        if jobs is None:
            assert isinstance(found, CiUnknown)
            assert "another place" in found.reason
        else:
            assert isinstance(found, CiFacts)
            assert [job.name for job in found.jobs] == jobs


def test_where_the_includes_cannot_be_merged_the_file_itself_counts_and_is_not_whole() -> None:
    """CI Lint may be refused, or say nothing."""
    text = "include: [{project: other/ci, file: ci.yml}]\npublish: {script: [twine upload x]}\n"
    for lint in (reply(403, {}), reply(200, {"merged_yaml": None}), reply(404, {})):
        with hostile(lambda asked, lint=lint: lint if "lint" in asked.target else reply(200, text)) as server:  # type: ignore[misc]  # bound now
            found = GitLabCiFile(api(server.url), read, lambda _: None).at(_plain(1), "a" * 40)
        assert isinstance(found, CiFacts)
        assert not found.whole
        assert [job.publisher for job in found.jobs] == ["twine"]


def test_only_so_many_commits_are_remembered() -> None:
    """The oldest is asked for again."""
    with hostile(lambda _: reply(200, "one: {script: x}\n")) as server:
        files = GitLabCiFile(api(server.url), read, lambda _: None)
        for number in range(MOST_KEPT + 1):
            files.at(_plain(1), f"{number:040d}")
        files.at(_plain(1), f"{MOST_KEPT:040d}")
        assert len(server.asked) == MOST_KEPT + 1
        files.at(_plain(1), f"{0:040d}")
    assert len(server.asked) == MOST_KEPT + 2


def ci_files(client: Api) -> GitLabCiFile:
    """As the bot has it, but in this process."""
    return GitLabCiFile(client, read, GitLabCiTexts(client, lambda: 0).path)


def _plain(project_id: int, path: str = "acme/planned") -> Project:
    return Project(id=project_id, full_path=path, web_url="", default_branch="main")


def _release(project_id: int, sha: str) -> ReleaseId:
    return ReleaseId(project_id=project_id, kind=RefKind.TAG, ref="v1", sha=sha)


def _refusing(org: Org) -> int:
    """A project on which a pipeline can be refused in every way, made once."""
    known = org.world.project_paths.get("acme/refusing")
    if known is not None:
        return known.id
    maintainer = org.people["maintainer"]
    project = org.new_project("acme/refusing", {".gitlab-ci.yml": INPUTS})
    for name in ("v1", "twice"):
        org.world.create_tag(project, name, "main", maintainer)
    org.call("POST", f"/projects/{project.id}/repository/branches", json={"branch": "twice", "ref": "main"})
    org.world.commit(
        project, "main", "No job", {".gitlab-ci.yml": "one: {script: x, rules: [{if: $NOBODY}]}\n"}, maintainer
    )
    org.world.create_tag(project, "empty", "main", maintainer)
    org.world.commit(project, "main", "No file", {".gitlab-ci.yml": None}, maintainer)
    org.world.create_tag(project, "bare", "main", maintainer)
    return project.id
