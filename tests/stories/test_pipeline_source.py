"""Releases whose own pipeline uploads: the bot finds, starts and plays it, and proves what arrived."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.ci.model import Job
from tests.bounds import ONLY_IN_FULL
from tests.stories import made
from tests.stories.bot import Bot, Json
from tests.stories.test_release_paths import MOST_REQUESTS, MakePackage, _gate
from tests.stories.town import VERSION, Package, Town
from tests.waiting import until

pytestmark = pytest.mark.slow

UPLOAD = (
    "twine upload --repository-url $CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/pypi -u gitlab-ci-token "
    "-p $CI_JOB_TOKEN"
)
BUILD = """\
stages: [build, deploy]
build:
  stage: build
  rules: [{if: $CI_COMMIT_TAG}]
  script: [mkdir dist, cp made/* dist/]
  artifacts: {paths: [dist/]}
"""
PUBLISH = f"""\
publish:
  stage: deploy
  rules: [{{if: $CI_COMMIT_TAG}}]
  script: ["{UPLOAD} dist/*"]
"""
MANUAL = PUBLISH.replace("if: $CI_COMMIT_TAG", "if: $CI_COMMIT_TAG, when: manual")
ALONE = f"""\
spec: {{inputs: {{folder: {{default: nowhere}}}}}}
---
workflow: {{rules: [{{if: $CI_PIPELINE_SOURCE == "api"}}]}}
publish:
  script: ["{UPLOAD} $[[ inputs.folder ]]/*"]
"""


@pytest.fixture
def group_package(town: Town, bot: Bot) -> MakePackage:
    """Policy leaves publishing to the pipelines; the registry is where they publish."""
    rule(bot)
    return MakePackage(town, bot)


def rule(bot: Bot, **pipeline: object) -> None:
    """Set the one rule of the bot's policy."""
    (only,) = bot.config["releases"]
    only |= {"source": "pipeline", "indexes": ["registry"]}
    only.pop("pipeline", None)
    if pipeline:
        only["pipeline"] = pipeline


def steered(town: Town, since: int) -> Counter[str]:
    """How often the bot started a pipeline and played a job, whatever the answer was."""
    return Counter(path.rsplit("/", 1)[-1] for _, path in town.writes(since) if path.endswith(("/pipeline", "/play")))


def whole(package: Package) -> None:
    """Everything is where it belongs, and the pipeline put it there. Raises: AssertionError."""
    assert package.registry() == sorted(made.both(package.name, VERSION))
    assert len(package.releases()) == 1
    assert {iid: len(notes) for iid, notes in package.notes().items()} == dict.fromkeys(package.merged, 1)


def proofs(document: Json) -> dict[str, str]:
    """File -> kind of its receipt on the registry."""
    registry = next(target for target in document["targets"] if target["name"] == "index:registry")
    return {receipt["file"]: receipt["kind"] for receipt in registry["receipts"]}


def jobs(package: Package, name: str) -> list[Job]:
    """All jobs of that name, retried ones too."""
    return [job for job in package.town.gitlab.pipelines.project_jobs(package.project.id) if job.name == name]


def test_a_pipeline_that_publishes_is_adopted_and_what_it_uploaded_is_proven(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """With `auto` the bot says why it leaves publishing to the job; the registry has the bytes that the build kept."""
    rule(bot)
    bot.config["releases"][0]["source"] = "auto"
    package = group_package(ci=BUILD + PUBLISH, changes=2)
    package.tag()
    package.pipeline_over()
    before = town.mark()

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"]) == (0, "published"), applied.err
    assert (applied.json["source"], applied.json["version"]) == ("pipeline", VERSION)
    assert applied.json["source_reason"] == "auto: job publish uploads by itself"
    assert applied.json["requests"]["total"] <= MOST_REQUESTS
    assert proofs(applied.json) == dict.fromkeys(made.both(package.name, VERSION), "published")
    assert not any(path.endswith(("/pypi", "/pipeline", "/play")) for _, path in town.writes(before))
    links = {link.name for link in package.releases()[0].links.values()}
    assert links == set(made.both(package.name, VERSION))
    whole(package)
    assert bot.release("verify", package.target).code == 0


def test_a_pipeline_is_started_once_with_inputs_though_the_reply_is_lost(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """A plan says so and needs a token that reads; the pipeline that exists is adopted, no second one is started."""
    package = group_package(ci=ALONE)
    rule(bot, patience="0s", inputs={"folder": "made"})
    sha = package.tag()
    assert town.gitlab.pipelines.pipelines(package.project.id) == []
    before = town.mark()
    bot.secret("bot.token", town.world.create_token(town.bot, ["read_api"], "reader"))
    planned = bot.release("plan", package.target)
    first = planned.json["actions"][0]
    would = f"would start a pipeline for v1.1.0 at {sha[:8]} with inputs folder"
    assert (first["target"], first["text"]) == ("distributions", would)
    assert (planned.code, town.writes(before)) == (0, [])
    bot.secret("bot.token", town.token)
    town.fault(kind="reset", method="POST", path="/pipeline$", after_effect=True)

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"]) == (0, "published"), applied.err
    assert steered(town, before) == {"pipeline": 1}
    assert [one.source for one in town.gitlab.pipelines.pipelines(package.project.id)] == ["api"]
    whole(package)


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_bot_killed_between_the_start_and_its_record_adopts_what_it_started(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """kill -9 while GitLab's answer is on its way: the next daemon looks before it acts."""
    package = group_package(ci=ALONE)
    rule(bot, patience="0s", inputs={"folder": "made"})
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    before = town.mark()
    package.tag()
    bot.config["watch"]["since"] = "all"
    town.fault(kind="hold", method="POST", path="/pipeline$", after_effect=True)
    daemon = bot.daemon()
    until(lambda: len(town.control("GET", "held").json()) == 1)
    daemon.kill()
    town.control("POST", "held/release", json={"reset": True})
    town.control("DELETE", "faults")

    with bot.serving():
        (release,) = bot.ended(package.project.full_path)

    assert release.state is ReleaseState.PUBLISHED
    assert steered(town, before) == {"pipeline": 1}
    whole(package)


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_job_for_a_person_is_waited_for_or_played_once_as_policy_says(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """Without leave the release waits and says which job to press; with it, one play, though its reply is lost."""
    package = group_package(ci=BUILD + MANUAL)
    package.tag()
    package.pipeline_over("manual")
    before = town.mark()
    waiting = bot.release("plan", package.target)
    page = f"{town.gitlab.url}/{package.project.full_path}/-/jobs/{package.job('publish').id}"
    assert (waiting.code, waiting.json["state"]) == (0, "waiting")
    assert f"waits for a person: play publish ({page})" in waiting.json["next"]
    rule(bot, play=True)
    planned = bot.release("plan", package.target).json["actions"]
    assert [one["text"] for one in planned if one["target"] == "distributions"] == [
        f"would play publish (job {package.job('publish').id})"
    ]
    assert town.writes(before) == []
    town.fault(kind="reset", method="POST", path="/play$", after_effect=True)

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"]) == (0, "published"), applied.err
    assert steered(town, before) == {"play": 1}
    assert len(jobs(package, "publish")) == 1
    whole(package)


def test_nothing_is_played_while_a_gate_says_no(bot: Bot, town: Town, group_package: MakePackage) -> None:
    """The build's own files are judged first: they say another version than the tag."""
    package = group_package(ci=BUILD + MANUAL, name="unsteady", files=made.both("unsteady", "1.0.9"))
    rule(bot, play=True)
    package.tag()
    package.pipeline_over("manual")
    before = town.mark()

    blocked = bot.release("apply", package.target)

    assert (blocked.code, blocked.json["state"]) == (5, "blocked")
    assert _gate(blocked.json, "version_matches")["verdict"] == "fail"
    assert steered(town, before) == {}
    assert package.registry() == []


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_publishing_job_that_failed_halfway_is_retried_in_gitlab_and_the_release_resumed(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """One file arrived: partial, with the job's page; the retried job has another id, and the rest is proven."""
    upload = PUBLISH.replace(
        f'["{UPLOAD} dist/*"]',
        f'["{UPLOAD} dist/*.whl || test $MENDED", "test $MENDED", "{UPLOAD} dist/*.tar.gz"]',
    )
    package = group_package(ci=BUILD + upload)
    package.tag()
    package.pipeline_over("failed")
    page = f"{town.gitlab.url}/{package.project.full_path}/-/jobs/{package.job('publish').id}"

    partial = bot.release("apply", package.target)

    assert (partial.code, partial.json["state"]) == (21, "partial"), partial.err
    assert f"job publish failed (script_failure): {page}. Retry it in GitLab, then resume" in partial.json["next"]
    assert partial.json["next"].endswith("then resume")
    assert (len(package.registry()), package.releases()) == (1, [])
    town.world.set_variable(package.project, "MENDED", "yes")
    path = f"/projects/{package.project.id}/jobs/{package.job('publish').id}/retry"
    assert town.api("POST", path).status_code == 201
    package.pipeline_over()
    resumed = bot.release("resume", package.target)
    assert (resumed.code, resumed.json["state"]) == (0, "published"), resumed.err
    assert len(jobs(package, "publish")) == 2
    whole(package)


def test_other_bytes_than_the_jobs_kept_are_a_conflict(bot: Bot, town: Town, group_package: MakePackage) -> None:
    """The job uploads what nobody kept under the name of what was kept."""
    package = group_package(ci=BUILD + PUBLISH.replace("script: [", 'script: ["cp other/* dist/", '))
    filename, data = made.wheel(package.name, VERSION, "of another build")
    package.commit({f"other/{filename}": data})
    package.tag()
    package.pipeline_over()

    conflict = bot.release("apply", package.target)

    assert (conflict.code, conflict.json["state"]) == (22, "conflict"), conflict.out
    assert f"{filename} already stands on registry with other bytes" in conflict.json["next"]
    assert package.releases() == []


def test_a_green_pipeline_that_uploaded_nothing_published_nothing(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """It is told which job claims to have done it, and that nothing of the version arrived."""
    build = BUILD.replace("artifacts: {paths: [dist/]}\n", "tags: []\n")
    package = group_package(ci=build + PUBLISH.replace(UPLOAD, "echo twine upload"))
    package.tag()
    package.pipeline_over()

    failed = bot.release("apply", package.target)

    assert (failed.code, failed.json["state"]) == (20, "failed"), failed.out
    assert f"nothing of {package.name} {VERSION} is there, although publish (" in failed.json["next"]
    assert package.releases() == []
