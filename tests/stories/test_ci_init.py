"""`ropewalk ci init`: one branch and one merge request, with jobs that then really publish."""

from __future__ import annotations

import pytest

from bot.onboarding.decide import BRANCH, CI_FILE, OWN_FILE
from bot.sandbox.world.places import Group, Project
from tests.stories.bot import Bot, Done
from tests.stories.town import READING, Town

pytestmark = pytest.mark.slow

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "gear"
version = "1.0.0"
description = "A gear."
readme = "README.md"
requires-python = ">=3.11"
"""
PACKAGE = {"pyproject.toml": PYPROJECT, "README.md": "# gear\n", "gear/__init__.py": ""}
TESTS = "tests:\n  script: [python -c 'import gear']\n"


def init(bot: Bot, where: Project, *arguments: str) -> Done:
    return bot.run("ci", "init", where.full_path, "--format", "json", *arguments)


def test_a_project_is_proposed_jobs_that_publish_once_they_are_merged(bot: Bot, town: Town, group: Group) -> None:
    where = town.world.create_project(f"{group.full_path}/gear", files={**PACKAGE, CI_FILE: TESTS})
    since = town.mark()
    planned = init(bot, where, "--to", "registry", "--dry-run")
    assert (planned.code, planned.json["state"]) == (0, "planned")
    assert {one.method for one in town.requests(since)} <= set(READING)
    assert where.git.branch(BRANCH) is None

    done = init(bot, where, "--to", "registry")
    assert (done.code, done.json["state"]) == (0, "opened"), done.err
    (request,) = where.merge_requests.values()
    assert (request.source_branch, request.target_branch, request.author.username) == (BRANCH, "main", "ropewalk")
    assert done.json["url"].endswith(f"/-/merge_requests/{request.iid}")
    since = town.mark()
    again = init(bot, where, "--to", "registry")
    assert (again.code, again.json["state"], town.writes(since)) == (0, "open", [])

    # Without a network, and with what is installed here: as somebody would who knows the project's builder.
    head = where.git.resolve(BRANCH)
    assert head is not None
    found = where.git.blob(head, OWN_FILE)
    assert found is not None
    changed = found[1].decode().replace("--outdir dist", "--no-isolation --outdir dist")
    town.world.commit(where, BRANCH, "Build with what is here", {OWN_FILE: changed}, town.grace)
    town.world.merge(where, request, town.grace)
    town.world.protect_tag(where, "v*")
    town.world.create_tag(where, "v1.0.0", "main", town.grace)
    runner = town.gitlab.pipelines
    for pipeline in runner.pipelines(where.id):
        if not pipeline.tag:
            runner.cancel_pipeline(pipeline)  # of branches: they are another test's
    tagged = next(one for one in runner.pipelines(where.id) if one.tag)
    wanted = {"tests", "build-distributions", "check-distributions", "publish-gitlab"}

    def published() -> bool:
        return {job.name for job in runner.jobs(tagged.id) if job.status == "success"} >= wanted

    town.gitlab.wait_until(published, 60)
    traces = {job.name: (job.status, runner.trace(job).decode()[-800:]) for job in runner.jobs(tagged.id)}
    assert published(), traces
    stored = sorted(file.file_name for one in where.packages.values() for file in one.files.values())
    assert stored == ["gear-1.0.0-py3-none-any.whl", "gear-1.0.0.tar.gz"]


def test_what_cannot_be_done_is_one_sentence(bot: Bot, town: Town, group: Group) -> None:
    where = town.world.create_project(f"{group.full_path}/busy", files={**PACKAGE, CI_FILE: "include: a.yml\n"})
    by_hand = bot.run("ci", "init", where.full_path)
    assert by_hand.code == 5
    assert "has an `include` of its own" in by_hand.out
    assert "publish-gitlab:" in by_hand.out
    assert where.git.branch(BRANCH) is None
    wrong = init(bot, where, "--component", "acme")
    assert (wrong.code, "HOST/GROUP/PROJECT@VERSION" in wrong.complaint) == (2, True)
