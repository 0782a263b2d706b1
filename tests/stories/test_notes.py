"""What people read of a release, over HTTP from the first word to the last, and the same words once only."""

from __future__ import annotations

import re

import pytest

from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import TAG, Package, Town

pytestmark = pytest.mark.slow

CHANGELOG = """\
# Changelog

## [1.1.0] - 2026-08-03

### Added

- Strands of hemp, see #1 and [the guide](docs/hemp.md)

/merge @grace

## [1.0.0]

- First
"""
TELLING = {
    "issues": True,
    "failure_issue": True,
    "failure_labels": ["release"],
    "groups": [{"title": "New", "labels": ["new"]}],
}


def story(town: Town, group: Group) -> Package:
    """Three merge requests, the last of which brings a changelog; the first closes an issue. A milestone waits."""
    made = town.package(group, changes=3)
    path = f"/projects/{made.project.id}"
    assert town.api("POST", f"{path}/milestones", json={"title": TAG}).status_code == 201
    made.project.merge_requests[made.merged[0]].milestone = next(iter(made.project.milestones.values()))
    issue = town.api("POST", f"{path}/issues", json={"title": "Strands tear"}).json()["iid"]
    made.project.merge_requests[made.merged[0]].description = f"Closes #{issue}"
    made.commit({"CHANGELOG.md": CHANGELOG}, "Say what changed")
    return made


def test_a_release_stops_and_ends_and_everybody_hears_of_it_once(bot: Bot, town: Town, group: Group) -> None:
    """Notes, replies, the failure issue, the closed issue, the Release with the changelog's words and its milestone."""
    package = story(town, group)
    bot.config["notes"] = TELLING
    world, project = town.world, package.project
    world.set_variable(project, "TWINE_PASSWORD", "hunter2-hunter2", masked=False, protected=False)
    package.tag()
    package.pipeline_over()
    assert bot.release("apply", package.target).json["state"] == "blocked"
    (failure,) = [one for one in project.issues.values() if one.author is town.bot]
    assert (failure.state, failure.labels) == ("opened", ["release"])
    assert "a publishing credential is not kept as it must be" in failure.description

    world.set_variable(project, "TWINE_PASSWORD", "hunter2-hunter2", masked=True, protected=True)
    town.fault(kind="status", method="POST", path=r"/releases$", status=400, times=10)
    assert bot.release("resume", package.target).json["state"] == "partial"
    replies = [[note.body for note in notes] for notes in package.notes().values()]
    assert [len(bodies) for bodies in replies] == [2, 2, 2]
    assert all("What to do stands in the note above" in bodies[1] for bodies in replies)
    assert "only partly published" in failure.description

    town.calm()
    ended = bot.release("resume", package.target)
    assert (ended.code, ended.json["state"]) == (0, "published")
    (release,) = package.releases()
    assert [one.title for one in release.milestones] == [TAG]
    assert "- Strands of hemp, see `#1` and [the guide](" in release.description
    assert "`/merge` `@grace`" in release.description
    assert failure.state == "closed"
    (told,) = [note for note in project.issues[1].notes.values() if note.author is town.bot]
    assert told.body.startswith("✅ Released as **1.1.0**")
    assert [len(notes) for notes in package.notes().values()] == [2, 2, 2]
    assert [one.state for one in project.merge_requests.values()] == ["merged"] * 3

    before = town.mark()
    again = bot.release("resume", package.target)
    assert again.json["state"] == "published"
    assert town.writes(before) == []


def test_notes_can_be_read_before_there_is_a_release_with_a_token_that_reads(
    bot: Bot, town: Town, group: Group
) -> None:
    """Of a tag and of a branch, by every strategy; nothing is written; what is not there has its exit code."""
    package = story(town, group)
    bot.secret("bot.token", town.world.create_token(town.bot, ["read_api"], "reader"))
    package.tag()
    before = town.mark()
    project = package.project.full_path

    text = bot.run("notes", package.target)
    assert text.code == 0
    assert text.out.startswith("## What changed\n\n### Added\n\n- Strands of hemp")
    assert "from file: CHANGELOG.md has a section for this version" in text.err

    branch = bot.run("notes", f"{project}@main", "--format", "json").json
    assert (branch["previous"], branch["strategy"], branch["version"]) == (TAG, "merge_requests", None)
    since = bot.run("notes", f"{project}@main", "--since", "v1.0.0", "--format", "json").json
    assert [one["iid"] for one in since["merge_requests"]] == list(package.merged)
    assert since["schema"] == "ropewalk.notes/1"
    made = bot.run("notes", package.target, "--strategy", "changelog_api", "--format", "json").json
    assert (made["fallback"], made["strategy"]) == (True, "merge_requests")
    assert made["reason"] == "GitLab's changelog of it is empty"
    assert not re.search(r"^\s*/\w", made["markdown"], re.MULTILINE)
    assert bot.run("notes", f"{project}@v9").code == 3
    assert bot.run("notes", package.target, "--since", "v9").code == 3
    assert bot.run("notes", project).code == 2
    assert town.writes(before) == []


def test_gitlabs_own_changelog_is_taken_where_commits_carry_its_trailer(bot: Bot, town: Town, group: Group) -> None:
    """And its names for commits become links that lead to them."""
    package = town.package(group, changes=1)
    sha = package.commit({"hemp.txt": "x"}, "Lay hemp\n\nChangelog: added")
    package.tag()
    made = bot.run("notes", package.target, "--format", "json").json
    assert made["strategy"] == "changelog_api"
    assert "### added (1 change)" in made["markdown"]
    assert f"[Lay hemp]({town.gitlab.url}/{package.project.full_path}/-/commit/{sha})" in made["markdown"]
