"""`ropewalk audit` as people and scripts use it, over the embedded GitLab."""

from __future__ import annotations

import json

import pytest

from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Town

pytestmark = pytest.mark.slow


def project(town: Town, group: Group, name: str) -> int:
    made = town.world.create_project(f"{group.full_path}/{name}", files={"README.md": "x\n"})
    return made.id


def test_an_audit_finds_what_can_leak_and_says_so_by_its_code(bot: Bot, town: Town, group: Group) -> None:
    """JSON of the contract's form; 14 for a high finding; no value in any of it."""
    number = project(town, group, "beacon")
    secret = town.world.secret()
    town.world.set_variable(town.world.projects[number], "TWINE_PASSWORD", secret)
    done = bot.run("audit", "run", "--format", "json", "--only", "RW1")
    assert done.code == 14
    report = done.json
    assert (report["schema"], report["complete"], report["projects"]) == ("ropewalk.audit/1", True, 1)
    found = {one["rule"]: one for one in report["findings"]}
    assert {"RW101", "RW102", "RW103", "RW104"} <= set(found)
    one = found["RW101"]
    assert one["resource"] == f"project/{number}/variables/TWINE_PASSWORD"
    assert (one["severity"], one["verdict"], one["scope"]) == ("high", "fail", "*")
    assert one["project"] == f"{group.full_path}/beacon"
    assert {one["resource"] for one in report["unknown"]} == {"instance/variables"}
    assert secret not in done.out + done.err
    told = bot.run("audit", "run", f"{group.full_path}/beacon", "--min-severity", "high")
    assert told.code == 14
    assert "RW101" in told.out
    assert "RW104" not in told.out


def test_a_clean_audit_that_saw_all_ends_with_nought(bot: Bot, town: Town, group: Group) -> None:
    """With an admin's token everything is known, and there is nothing to find."""
    project(town, group, "tidy")
    bot.secret("bot.token", town.gitlab.admin_token)
    done = bot.run("audit", "run", "--format", "json", "--only", "RW1", f"{group.full_path}/**")
    assert (done.code, done.json["findings"], done.json["unknown"]) == (0, [], [])


def test_what_is_not_there_is_code_three_and_what_is_no_rule_code_two(bot: Bot, group: Group) -> None:
    """Each with one sentence."""
    assert bot.run("audit", "run", f"{group.full_path}/none").code == 3
    wrong = bot.run("audit", "run", "--only", "RX1")
    assert wrong.code == 2
    assert "RX1" in wrong.complaint
    assert bot.run("audit", "explain", "RW999").code == 2
    assert bot.run("audit", "run", "--min-severity", "dire").code == 2


def test_rules_explain_themselves(bot: Bot) -> None:
    """The list, and one page."""
    rules = json.loads(bot.run("audit", "rules", "--format", "json").out)
    assert {"RW101", "RW305"} <= {rule["id"] for rule in rules}
    assert "## Threat" in bot.run("audit", "explain", "RW101").out
