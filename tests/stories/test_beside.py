"""Commands beside other commands on one state."""

from __future__ import annotations

import pytest
from filelock import FileLock

from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Town
from tests.waiting import WAIT

pytestmark = pytest.mark.slow


def test_a_command_beside_another_waits_for_its_turn(bot: Bot, town: Town, group: Group) -> None:
    """The other ends with its own release: nobody else would run this one's turns."""
    package = town.package(group)
    package.tag()
    package.pipeline_over()
    with FileLock(bot.folder / "ropewalk.engine.db.lock"):
        applying = bot.start("release", "apply", package.target)
        assert applying.stderr is not None
        said = next(line for line in iter(applying.stderr.readline, "") if "on this state" in line)
        assert said == "another command works on this state: this one waits for its turn\n"
        package.untouched()
    _, rest = applying.communicate(timeout=WAIT)
    assert applying.returncode == 0, rest
    package.complete()
