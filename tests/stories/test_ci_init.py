"""`ropewalk ci init`: one branch and one merge request, with jobs that a protected tag then has."""

from __future__ import annotations

import pytest

from bot.onboarding.decide import BRANCH, CI_FILE
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


def test_a_project_is_proposed_jobs_that_its_tags_have_once_they_are_merged(bot: Bot, town: Town, group: Group) -> None:
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

    town.world.merge(where, request, town.grace)
    town.world.protect_tag(where, "v*")
    town.world.create_tag(where, "v1.0.0", "main", town.grace)
    runner = town.gitlab.pipelines
    tagged = next(one for one in runner.pipelines(where.id) if one.tag)
    assert {job.name for job in runner.jobs(tagged.id)} == {
        "tests",
        "build-distributions",
        "check-distributions",
        "publish-gitlab",
    }
    for pipeline in runner.pipelines(where.id):
        runner.cancel_pipeline(pipeline)  # that these jobs do what they say is another test's


def test_what_cannot_be_done_is_one_sentence(bot: Bot, town: Town, group: Group) -> None:
    where = town.world.create_project(f"{group.full_path}/busy", files={**PACKAGE, CI_FILE: "include: a.yml\n"})
    by_hand = bot.run("ci", "init", where.full_path)
    assert by_hand.code == 5
    assert "has an `include` of its own" in by_hand.out
    assert "publish-gitlab:" in by_hand.out
    assert where.git.branch(BRANCH) is None
    abroad = init(bot, where, "--component", "gitlab.example.com/acme/ci@1.2.0")
    assert (abroad.code, "includes components of its own alone" in abroad.complaint) == (2, True)
    wrong = init(bot, where, "--component", "acme")
    assert (wrong.code, "HOST/GROUP/PROJECT@VERSION" in wrong.complaint) == (2, True)
