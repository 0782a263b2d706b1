"""What a release changes against the one before: told in every plan, and held on where policy asks."""

from __future__ import annotations

import pytest

from bot.cli.deciding import caller
from tests.stories import made
from tests.stories.bot import Bot
from tests.stories.town import TAG, VERSION, Package, Town

pytestmark = pytest.mark.slow


@pytest.fixture
def package(town: Town, bot: Bot) -> Package:
    """1.0.0 stands on the index with wheel and sdist; 1.1.0 brings a wheel alone, with another package in it."""
    name = f"widget{next(town.numbers)}"
    for filename, data in made.both(name, "1.0.0").items():
        (town.index.data / filename).write_bytes(data)
    filename, data = made.wheel(name, VERSION, "made for a story", "gadget/__init__.py")
    group = town.world.groups[bot.config["watch"]["groups"][0]]
    package = town.package(group, name=name, files={filename: data})
    package.tag()
    package.pipeline_over()
    return package


def test_a_plan_tells_what_changed_and_writes_nothing(bot: Bot, town: Town, package: Package) -> None:
    """Policy holds on nothing: it is said all the same, in text and JSON, and the release goes on."""
    before, uploads = town.mark(), town.index.uploads()

    planned = bot.release("plan", package.target)
    read = bot.run("release", "plan", package.target)

    assert planned.code == read.code == 0
    assert planned.json["differences"]["since"] == "1.0.0"
    assert [(one["kind"], one["text"]) for one in planned.json["differences"]["found"]] == [
        ("fewer_distributions", "no sdist this time"),
        ("new_top_level", "new top-level gadget"),
    ]
    assert "  changed since 1.0.0 on index:\n    no sdist this time\n    new top-level gadget" in read.out
    assert (town.writes(before), town.index.uploads()) == ([], uploads)
    assert bot.release("apply", package.target).json["state"] == "published"
    assert "changes" not in {gate["name"] for gate in bot.release("status", package.target).json["gates"]}


def test_a_change_that_policy_holds_on_waits_for_a_persons_yes(bot: Bot, package: Package) -> None:
    """Blocked with what differs and the command that accepts exactly this; any other digest accepts nothing."""
    bot.config["releases"][0]["hold_on"] = ["new_top_level", "new_binary"]

    blocked = bot.release("apply", package.target)

    assert (blocked.code, blocked.json["state"]) == (5, "blocked")
    _untouched(package)
    gate = next(gate for gate in blocked.json["gates"] if gate["name"] == "changes")
    digest = bot.release("plan", package.target).json["differences"]["digest"]
    assert gate["reason"] == (
        "since 1.0.0 on index: new top-level gadget. To accept exactly this: "
        f"`ropewalk release resume {package.target} --accept-changes {digest}`"
    )
    assert "new top-level gadget" in next(iter(package.notes().values()))[0].body
    assert bot.release("resume", package.target, "--accept-changes", "0" * 12).code == 5
    _untouched(package)
    accepted = bot.release("resume", package.target, "--accept-changes", digest)
    assert (accepted.code, accepted.json["state"]) == (0, "published")
    told = next(gate for gate in accepted.json["gates"] if gate["name"] == "changes")
    assert told["reason"].startswith("nothing is left to upload; since 1.0.0 on index: ")
    assert package.registry() == [made.wheel(package.name, VERSION)[0]]
    description = package.releases()[0].description
    assert "## What the files change\n\nSince `1.0.0` on `index`:\n\n- " in description
    assert "- `new top-level gadget`" in description
    assert bot.release("verify", package.target).code == 0
    again = bot.release("resume", package.target)
    assert (again.code, again.json["state"]) == (0, "published")
    assert package.releases()[0].description == description
    shown = bot.run("ledger", "show", package.target, "--format", "json")
    said = [row["words"] for row in shown.json["entries"] if row["kind"] == "command"]
    who = f"by {caller()}: "
    assert [words.removesuffix(", on the command line").replace(who, "") for words in said] == [
        f"apply {TAG} it was not on record",
        f"accept {TAG} the changes {'0' * 12}",
        f"resume {TAG} it was blocked",
        f"accept {TAG} the changes {digest}",
        f"resume {TAG} it was blocked",
        f"resume {TAG} it was published",
    ]


def _untouched(package: Package) -> None:
    """Nothing of 1.1.0 is public. Raises: AssertionError."""
    assert (package.registry(), package.releases()) == ([], [])
    assert package.index() == sorted(made.both(package.name, "1.0.0"))
