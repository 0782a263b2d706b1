"""`ropewalk release propose` and `tag`: a merge request that a person merges, and the one tag of its merge."""

from __future__ import annotations

import pytest

from bot.release.requests import BRANCH
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import READING, Town

pytestmark = pytest.mark.slow
FILES = {
    "pyproject.toml": '[project]\nname = "gear"\nversion = "0.0.1"\n',
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- Teeth\n",
}


def test_what_a_person_merges_is_tagged_once_and_looking_writes_nothing(bot: Bot, town: Town, group: Group) -> None:
    where = town.world.create_project(f"{group.full_path}/gear", files=FILES)
    town.world.commit(where, "main", "feat: turn", {"gear.py": ""}, town.grace)
    town.world.protect_tag(where, "v*")
    bot.config["releases"][0]["versioning"] = {"merge_request": True}
    since = town.mark()
    planned = bot.run("release", "propose", where.full_path, "--dry-run")
    assert (planned.code, "would open a merge request that proposes v0.1.0" in planned.out) == (0, True), planned.err
    assert {one.method for one in town.requests(since)} <= set(READING)

    done = bot.run("release", "propose", where.full_path, "--format", "json")
    assert (done.code, done.json["state"], done.json["tag"]) == (0, "opened", "v0.1.0"), done.err
    (request,) = where.merge_requests.values()
    assert (request.source_branch, request.author.username) == (BRANCH, "ropewalk")
    waits = bot.run("release", "tag", where.full_path, "--format", "json")
    assert (waits.code, waits.json["tag"], waits.json["made"]) == (0, None, False), waits.err

    merged = town.world.merge(where, request, town.grace)
    tagged = bot.run("release", "tag", where.full_path, "--format", "json")
    assert (tagged.code, tagged.json["tag"], tagged.json["sha"]) == (0, "v0.1.0", merged), tagged.err
    since = town.mark()
    again = bot.run("release", "tag", where.full_path, "--format", "json")
    assert (again.json["made"], town.writes(since)) == (True, [])
    assert {ref.name: ref.commit for ref in where.git.tags()} == {"v0.1.0": merged}
