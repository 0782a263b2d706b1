"""A GitLab that carries out every write and never answers one: nothing is written twice."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import IN_FULL
from tests.stories.bot import Bot
from tests.stories.endings import ending
from tests.stories.town import Package, Town

pytestmark = [pytest.mark.slow, *IN_FULL]  # `make test` has test_turn, which loses each reply on the fakes
WRITING = ("POST", "PUT", "DELETE")


@pytest.mark.parametrize("state", ["sqlite", "postgresql"])
def test_every_write_happens_once_though_its_reply_never_comes(
    request: pytest.FixtureRequest, bot: Bot, town: Town, group: Group, state: str
) -> None:
    """Uploads, a GitLab Release, notes and the failure issue, then the edits and the closing once it is mended."""
    if state == "postgresql":
        bot.share(request.getfixturevalue("database"))
    bot.config["watch"] |= {"poll": "1s", "since": "all"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    bot.config["notes"] = {"failure_issue": True}
    clean, lossy = town.package(group, changes=2), town.package(group, changes=2)
    with bot.serving():
        _told_twice(bot, town, clean)
        wanted = ending(bot, clean)
        since = town.mark()
        for method in WRITING:
            town.fault(kind="reset", method=method, path=r"^/api/v4/projects/\d+/", after_effect=True, times=None)
        _told_twice(bot, town, lossy)
        town.calm()
    assert ending(bot, lossy) == wanted
    lossy.complete()
    assert [issue.state for issue in lossy.project.issues.values()] == ["closed"]
    at = f"/api/v4/projects/{lossy.project.id}"
    written = [(one.method, one.path, one.status) for one in town.requests(since) if one.method in WRITING]
    ours = Counter((method, path) for method, path, _ in written if path.startswith(f"{at}/"))
    assert ours == {
        ("POST", f"{at}/packages/pypi"): 2,
        ("POST", f"{at}/releases"): 1,
        **{("POST", f"{at}/merge_requests/{iid}/notes"): 1 for iid in lossy.merged},
        **{path: 1 for path in ours if path[0] == "PUT"},
        ("POST", f"{at}/issues"): 1,
    }
    assert {status for _, path, status in written if path.startswith(f"{at}/")} == {0}, "no reply came"


def _told_twice(bot: Bot, town: Town, package: Package) -> None:
    """Its variables stop it; then they are mended, and it is published."""
    town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2")
    package.tag()
    (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.BLOCKED
    town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2", masked=True, protected=True)
    assert bot.release("resume", package.target).code == 0
    (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED
