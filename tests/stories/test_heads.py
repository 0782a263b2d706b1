"""A daemon that may tag by itself: a commit on main becomes a tag once, whatever kills the daemon, and is released."""

from __future__ import annotations

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.stories.bot import Bot
from tests.stories.town import Town
from tests.waiting import until

pytestmark = pytest.mark.slow
CI = "build:\n  script: [mkdir dist, cp made/* dist/]\n  artifacts: {paths: [dist/]}\n"


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_commit_is_tagged_and_released_once_though_the_daemon_is_killed(bot: Bot, town: Town, group: Group) -> None:
    package = town.package(group, ci=CI)
    where = package.project
    bot.config["releases"][0]["versioning"] = {"auto": "tag"}
    daemon = bot.daemon()
    daemon.ready()
    with bot.store() as store:
        until(lambda: store.intake.known(where.id).tags is not None)
    since = town.mark()
    town.fault(kind="hold", method="POST", path=f"/projects/{where.id}/repository/tags", after_effect=True)
    sha = package.commit({"more.py": ""}, "feat: grow")
    until(lambda: town.control("GET", "held").json())
    daemon.kill()
    town.control("POST", "held/release", json={"reset": True})
    town.control("DELETE", "faults")

    with bot.serving():
        (release,) = bot.ended(where.full_path)
        with bot.store() as store:
            until(lambda: not store.heads.due(release.updated_at.replace(year=9999), 9))
    assert (release.state, release.id.ref, release.id.sha) == (ReleaseState.PUBLISHED, "v1.1.0", sha)
    assert {ref.name for ref in where.git.tags()} == {"v1.0.0", "v1.1.0"}
    asked = [path for method, path in town.writes(since) if path.endswith("/repository/tags")]
    assert len(asked) == 1, "once, for the tag that stands there is looked at first"
    package.complete()
