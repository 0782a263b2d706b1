"""A project's own file of policy, from the repository to the release and to `config explain`."""

from __future__ import annotations

import pytest

from bot.domain.layers import OWN_FILE
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Package, Town

pytestmark = pytest.mark.slow
OWN = """hygiene: {block_at: never}
release:
  approval:
    count: 1
"""


@pytest.fixture
def package(town: Town, group: Group) -> Package:
    """A project with its merge requests."""
    return town.package(group)


def test_a_project_asks_for_approval_by_itself_and_cannot_switch_the_hygiene_gate_off(
    bot: Bot, package: Package
) -> None:
    """What is stricter holds, what is wider is said with its line, and explain names the line of each."""
    package.commit({OWN_FILE: OWN}, "Ask for a second pair of eyes")
    package.tag()
    package.pipeline_over()
    planned = bot.release("plan", package.target)
    gates = {gate["name"]: gate for gate in planned.json["gates"]}
    assert gates["policy"]["verdict"] == "unknown"
    assert f"{OWN_FILE} of {package.project.full_path}:1: `hygiene.block_at` may only" in gates["policy"]["reason"]
    assert "1 of 1 approvals missing" in gates["approval"]["reason"]
    path = package.project.full_path
    told = bot.run("config", "explain", "hygiene.block_at", "--project", path)
    assert told.code == 0
    assert told.out.splitlines()[0] == "hygiene.block_at = high"
    assert f"not taken: never, project {path}, {OWN_FILE} of {path}:1" in told.out
    told = bot.run("config", "explain", "releases.approval.count", "--project", path, "--ref", "v1.1.0")
    assert told.out.splitlines() == [
        "releases[1].approval.count = 1",
        f"  project {path}, {OWN_FILE} of {path}:4",
        "  before: 0, default",
    ]
