"""Commands beside other commands on one state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from filelock import FileLock

from bot.adapters.store.readings import SqliteReadings
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Town
from tests.unit.readings_made import READING
from tests.waiting import WAIT

pytestmark = pytest.mark.slow
LATE = timedelta(minutes=1)  # longer than a daemon that lives is silent


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


def test_a_command_whose_daemon_died_does_the_work_itself(bot: Bot, town: Town, group: Group) -> None:
    """It follows as long as the daemon gives signs of life; nobody else would ever end the release."""
    package = town.package(group)
    package.tag()
    package.pipeline_over()
    now = datetime.now(UTC)
    with bot.store() as store, FileLock(bot.folder / "ropewalk.engine.db.lock") as lock:
        readings = SqliteReadings(store.database)
        readings.keep(replace(READING, at=now, stopped=False))
        applying = bot.start("release", "apply", package.target)
        assert applying.stderr is not None
        said = next(line for line in iter(applying.stderr.readline, "") if "on this state" in line)
        assert said.startswith("a daemon runs on this state")
        lock.release()  # as the kernel does when it is killed
        readings.keep(replace(READING, at=now - LATE, stopped=False))
    _, rest = applying.communicate(timeout=WAIT)
    assert applying.returncode == 0, rest
    assert "nobody else works on this state any more" in rest
    package.complete()
