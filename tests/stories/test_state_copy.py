"""A bot moves from its file to PostgreSQL between two releases, and goes on as if nothing had happened."""

from __future__ import annotations

import pytest

from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.contract.states import shared_store
from tests.postgres import Role
from tests.stories.bot import Bot
from tests.stories.town import Town

pytestmark = pytest.mark.slow


@pytest.mark.chaos
@ONLY_IN_FULL
def test_the_bot_goes_on_from_the_copy_and_does_nothing_twice(
    bot: Bot, town: Town, group: Group, database: Role
) -> None:
    """What was published is found in place, by the same notes; the next release goes on from there."""
    done, later = town.package(group), town.package(group)
    for package in (done, later):
        package.tag()
        package.pipeline_over()
    assert bot.run("release", "apply", done.target).code == 0
    assert bot.run("state", "key", str(bot.folder / "marker.key")).code == 0
    assert (bot.folder / "marker.key").stat().st_mode & 0o777 == 0o600

    bot.config["state"] = database.url
    bot.config["state_password_file"] = "state.password"
    bot.config["gitlab"]["marker_key_file"] = "marker.key"
    bot.secret("state.password", database.password)
    copied = bot.run("state", "copy", f"sqlite:///{bot.state}", database.url, "--format", "json")
    assert (copied.code, copied.json["schema"]) == (0, "ropewalk.state/1")
    assert copied.json["tables"]["releases"] == 1
    assert copied.json["ledger"]["entries"] > 4
    assert database.password not in copied.out + copied.err

    mark = town.mark()
    assert bot.run("release", "resume", done.target).code == 0
    assert town.writes(mark) == []
    assert bot.run("release", "apply", later.target).code == 0
    done.complete()
    later.complete()
    store = shared_store(database)
    chain, broken = store.journal.verify()
    store.close()
    assert (broken, chain.sequence > copied.json["ledger"]["entries"]) == (None, True)
