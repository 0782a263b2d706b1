"""What stops a release is named by its cause, with the step that mends it, whatever command one asks."""

from __future__ import annotations

import pytest

from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Town

pytestmark = pytest.mark.slow


def test_a_developers_token_releases_nothing_and_doctor_says_which_role_it_needs(
    bot: Bot, town: Town, group: Group
) -> None:
    """It cannot read the project's variables, so `hygiene.unknown: warn` does not let them pass: 5."""
    package = town.package(group)
    town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2", masked=False, protected=False)
    bot.config["hygiene"] = {"unknown": "warn"}
    user = town.world.create_user(f"developer-{group.full_path}")
    town.world.add_member(group, user, Level.DEVELOPER)
    bot.secret("bot.token", town.world.create_token(user, ["api"], "developer"))
    package.tag()
    package.pipeline_over()
    done = bot.release("apply", package.target)
    assert (done.code, done.json["state"]) == (5, "blocked"), done
    assert "make the bot's user a Maintainer of the project" in done.json["next"]
    package.untouched()
    looked = bot.run("doctor", "--format", "json")
    assert (looked.code, looked.json["ready"]) == (6, False)
    (failed,) = [check for check in looked.json["checks"] if check["verdict"] == "fail"]
    assert (failed["name"], group.full_path in failed["reason"]) == ("role", True)
