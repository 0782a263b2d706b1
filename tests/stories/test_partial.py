"""A release that stops half way: what the index said, and a resume that sends exactly what is missing."""

from __future__ import annotations

import pytest

from tests.stories import made
from tests.stories.bot import Bot
from tests.stories.town import VERSION, Town

pytestmark = pytest.mark.slow


def test_a_file_that_the_last_index_refuses_is_all_that_a_resume_sends(bot: Bot, town: Town) -> None:
    """The registry is complete, the index has the wheel and refuses the sdist for good; nothing is sent twice."""
    package = town.package(town.world.groups[bot.config["watch"]["groups"][0]])
    package.tag()
    package.pipeline_over()
    (wheel, _), (sdist, _) = made.wheel(package.name, VERSION), made.sdist(package.name, VERSION)
    uploads = town.index.uploads()
    town.index.fail_upload(400, after=2)

    partial = bot.release("apply", package.target)

    assert (partial.code, partial.json["state"], partial.json["result"]) == (21, "partial", None)
    targets = {target["name"]: target for target in partial.json["targets"]}
    assert [targets[name]["state"] for name in ("index:registry", "index:index")] == ["done", "failed"]
    said = "400 Failed on request: this upload was told to fail"
    assert targets["index:index"]["reason"] == f"{sdist}: {said}"
    assert said in partial.json["next"]
    assert (package.index(), town.index.uploads() - uploads) == ([wheel], 2)
    assert package.releases() == []
    before = town.mark()

    resumed = bot.release("resume", package.target)

    assert (resumed.code, resumed.json["state"], resumed.json["result"]) == (0, "published", "uploaded")
    assert town.index.uploads() - uploads == 3
    assert not [path for method, path in town.writes(before) if path.endswith("/packages/pypi")]
    package.complete()
