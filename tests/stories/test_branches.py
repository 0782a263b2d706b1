"""Releases from a branch, as the guide's `only: main` makes them: each push, with the version of its metadata."""

from __future__ import annotations

import re

import pytest

from bot.domain.releases import Release, ReleaseState, TargetState
from bot.sandbox.git.changes import set_ref
from bot.sandbox.world.places import Group
from tests.stories import made
from tests.stories.bot import Bot
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = pytest.mark.slow

CI = """\
build:
  script: [mkdir -p dist, cp made/* dist/]
  artifacts: {paths: [dist/]}
"""
SLOW = CI.replace("[mkdir", "[sleep 3, mkdir")


@pytest.fixture
def branching(bot: Bot) -> Bot:
    """A bot that releases what is pushed to main."""
    bot.config["watch"] |= {"poll": "1s"}
    bot.config["releases"][0] |= {"tags": ["v*"], "branches": ["main"]}
    return bot


def merge(town: Town, package: Package, number: int, files: dict[str, bytes]) -> int:
    """Merge a change after which the build leaves just `files` in dist/; returns the merge request's iid."""
    folder = f"made{number}"
    head = package.project.git.resolve("main")
    there = package.project.git.blob(head or "", ".gitlab-ci.yml")
    assert there is not None
    ci = there[1].decode()
    ci = re.sub(r"cp made\d*/", f"cp {folder}/", ci)
    tree: dict[str, str | bytes | None] = {
        ".gitlab-ci.yml": ci,
        **{f"{folder}/{name}": data for name, data in files.items()},
    }
    town.world.commit(package.project, f"next-{number}", f"Change {number}", tree, town.grace)
    request = town.world.create_merge_request(package.project, town.grace, f"next-{number}", f"Change {number}")
    town.world.merge(package.project, request, town.grace)
    return request.iid


def releases(bot: Bot) -> dict[str, Release]:
    """By commit."""
    return {release.id.sha: release for release in bot.records()}


def test_what_is_merged_to_main_is_released_with_the_version_of_its_metadata(
    branching: Bot, town: Town, group: Group
) -> None:
    """A new version is published; the same files again are done; other bytes of it are a conflict; each is told."""
    package = town.package(group, ci=CI)

    def pushed(number: int, files: dict[str, bytes], state: ReleaseState) -> tuple[Release, str]:
        iid = merge(town, package, number, files)
        head = package.project.git.resolve("main")
        assert head is not None
        until(lambda: head in releases(branching))
        until(lambda: releases(branching)[head].due_at is None)
        release = releases(branching)[head]
        assert release.state is state, release.next
        (note,) = package.notes()[iid]
        return release, note.body

    with branching.serving():
        until(lambda: branching.run("watch", "once", "--format", "json").json["without_baseline"] == 0)
        assert branching.records() == [], "what main is at when the bot comes is not released"
        files = made.both(package.name, "1.2.0")
        release, note = pushed(1, files, ReleaseState.PUBLISHED)
        assert (release.version, release.id.kind.value, release.id.ref) == ("1.2.0", "branch", "main")
        assert "Released as **1.2.0** from `main`" in note
        assert {target.name: target.state for target in release.targets} == {
            "distributions": TargetState.DONE,
            "index:registry": TargetState.DONE,
            "index:index": TargetState.DONE,
            "gitlab_release": TargetState.SKIPPED,
            **{target.name: TargetState.DONE for target in release.targets if target.name.startswith("note:")},
        }
        again, note = pushed(2, files, ReleaseState.PUBLISHED)
        assert again.id.sha != release.id.sha
        other = dict([made.wheel(package.name, "1.2.0", "otherwise"), made.sdist(package.name, "1.2.0")])
        clash, note = pushed(3, other, ReleaseState.CONFLICT)
        assert "raise the version and merge that" in note
    assert package.registry() == package.index() == sorted(files)
    assert package.releases() == []
    status = branching.release("status", f"{package.project.full_path}@main").json
    assert (status["kind"], status["sha"], status["state"]) == ("branch", clash.id.sha, "conflict")


def test_a_commit_that_a_branch_moved_on_from_is_released_and_one_that_was_rewritten_away_is_not(
    branching: Bot, town: Town, group: Group
) -> None:
    package = town.package(group, ci=SLOW)
    with branching.serving():
        until(lambda: branching.run("watch", "once", "--format", "json").json["without_baseline"] == 0)
        merge(town, package, 1, made.both(package.name, "1.2.0"))
        kept = package.project.git.resolve("main")
        until(lambda: kept in releases(branching))
        merge(town, package, 2, made.both(package.name, "1.3.0"))
        lost = package.project.git.resolve("main")
        until(lambda: lost in releases(branching))
        assert kept is not None
        assert lost is not None
        set_ref(package.project.git, "refs/heads/main", kept, lost)  # as a force push leaves it
        branching.recorded(lambda rows: all(release.due_at is None for release in rows))
    states = {sha: release.state for sha, release in releases(branching).items()}
    assert states[kept] is ReleaseState.PUBLISHED
    assert states[lost] is ReleaseState.WITHDRAWN
    assert package.registry() == sorted(made.both(package.name, "1.2.0"))
