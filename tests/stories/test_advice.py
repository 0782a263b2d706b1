"""What stops a release is named by its cause, with the step that mends it, whatever command one asks."""

from __future__ import annotations

import pytest

from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot, free_port
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


def test_an_index_that_refuses_the_credentials_is_named_with_the_setting_to_mend(
    bot: Bot, town: Town, group: Group
) -> None:
    """Nothing public was written: 6, as for a plan that finds the index closed."""
    package = town.package(group)
    bot.config["releases"][0]["indexes"] = ["index"]
    bot.secret("index.password", "not-the-password-of-the-index")
    package.tag()
    package.pipeline_over()
    done = bot.release("apply", package.target)
    assert (done.code, done.json["state"]) == (6, "failed"), done
    for word in ("indexes.index", town.index.upload_url, "password_file"):
        assert word in done.json["next"], done.json["next"]
    package.untouched()
    bot.secret("index.password", town.index.token)
    assert bot.release("resume", package.target).code == 0


def test_a_build_that_the_configuration_does_not_allow_is_a_matter_of_configuration(
    bot: Bot, town: Town, group: Group
) -> None:
    """plan and apply say the same in one sentence and nothing else: 2."""
    package = town.package(group)
    package.tag()
    bot.config["releases"][0]["source"] = "build"
    said = {verb: bot.release(verb, package.target) for verb in ("plan", "apply")}
    assert {verb: done.code for verb, done in said.items()} == {"plan": 2, "apply": 2}
    assert said["plan"].err == said["apply"].err
    assert "build" in said["apply"].complaint
    assert len(said["apply"].err.splitlines()) == 1


def test_doctor_is_not_ready_while_an_index_cannot_be_reached(bot: Bot) -> None:
    """A wrong port is a failure with its address: 6."""
    bot.config["indexes"]["index"]["simple_url"] = f"http://127.0.0.1:{free_port()}/simple/"
    looked = bot.run("doctor", "--format", "json")
    assert (looked.code, looked.json["ready"]) == (6, False)
    (failed,) = [check for check in looked.json["checks"] if check["verdict"] == "fail"]
    assert failed["name"] == "index:index"
    assert bot.config["indexes"]["index"]["simple_url"] in failed["reason"]
    assert failed["remedy"]
