"""What people decide: a release that is held, frozen, or waits for somebody's yes, and what survives a kill."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.releases import Release, ReleaseState
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.stories import made
from tests.stories.bot import Bot, Done
from tests.stories.town import TAG, Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos, ONLY_IN_FULL]  # the time of `make test` is bounded


def reason(done: Done, name: str) -> str:
    """What a gate says, as a command showed it."""
    (gate,) = (gate for gate in done.json["gates"] if gate["name"] == name)
    return f"{gate['verdict']}: {gate['reason']}"


def waiting(bot: Bot, state: ReleaseState = ReleaseState.WAITING, word: str = "approval") -> Release:
    """Wait until the one release on record waits for that."""

    return bot.recorded(lambda rows: [one for one in rows if one.state is state and word in (one.next or "")])[0]


def person(town: Town, group: Group, name: str, level: Level = Level.MAINTAINER) -> tuple[User, str]:
    """Somebody of the group, and a token of theirs that shows who they are and nothing else."""
    user = town.world.create_user(f"{name}{next(town.numbers)}")
    town.world.add_member(group, user, level)
    return user, town.world.create_token(user, ["read_user"], "mine")


def approve(bot: Bot, package: Package, token: str | None) -> Done:
    """`release approve` with somebody's token."""
    return bot.run(
        "release", "approve", package.target, "--format", "json", environ={"GITLAB_TOKEN": token} if token else {}
    )


def test_a_release_waits_for_a_yes_that_no_author_robot_or_developer_can_give(
    bot: Bot, town: Town, group: Group
) -> None:
    """The daemon dies while it waits; the yes is given while it is down; the next daemon publishes."""
    bot.config["releases"][0]["approval"] = {"from": "maintainer"}
    package = town.package(group)
    ada, hers = person(town, group, "ada")
    _, developers = person(town, group, "dev", Level.DEVELOPER)
    with bot.serving() as daemon:
        package.tag()
        release = waiting(bot)
        assert release.due_at is not None
        daemon.kill()
    package.untouched()

    graces = town.world.create_token(town.grace, ["api"], "author")
    robots = town.api(
        "POST",
        f"/projects/{package.project.id}/access_tokens",
        json={
            "name": "sneaky",
            "scopes": ["api"],
            "access_level": 40,
            "expires_at": (datetime.now(UTC) + timedelta(days=30)).date().isoformat(),
        },
    )
    refused = [
        (graces, "pushed tag v1.1.0"),
        (town.token, "is the bot itself"),
        (developers, "is developer of the project, and policy asks for maintainer"),
        (robots.json()["token"], "is no person but a robot's user"),
    ]
    for token, why in refused:
        done = approve(bot, package, token)
        assert (done.code, why in done.complaint) == (5, True), done.err
        assert token not in done.out + done.err
    done = approve(bot, package, None)
    assert (done.code, "$GITLAB_TOKEN: is not set" in done.complaint) == (2, True)
    done = approve(bot, package, "glpat-nobody-has-this-one")
    assert (done.code, "refuses the token" in done.complaint) == (6, True)
    assert [one.state for one in bot.records()] == [ReleaseState.WAITING]

    done = approve(bot, package, hers)
    assert done.code == 0, done.err
    assert "no daemon runs on this state" in done.err
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()
    done = approve(bot, package, hers)
    assert (done.code, "needs no approval: it is published" in done.err) == (0, True)
    said = reason(bot.release("status", package.target), "approval")
    assert said.startswith(f"pass: approved by {ada.username} (maintainer) at ")
    kept = bot.state.read_bytes() + bot.log.read_bytes()
    assert hers.encode() not in kept


def test_a_yes_wakes_the_daemon_at_once_and_counts_only_as_long_as_the_role_lasts(
    bot: Bot, town: Town, group: Group
) -> None:
    """Two have to approve; one of them is no maintainer any more when the second comes; a third one is."""
    bot.config["releases"][0]["approval"] = {"count": 2}
    package = town.package(group)
    ada, adas = person(town, group, "ada")
    _, lins = person(town, group, "lin")
    _, zoes = person(town, group, "zoe")
    with bot.serving():
        package.tag()
        waiting(bot)
        assert approve(bot, package, adas).code == 0
        waiting(bot, word=f"approved by {ada.username} (maintainer)")
        group.members[ada.id] = Level.DEVELOPER
        assert approve(bot, package, lins).code == 0
        assert f"{ada.username}'s does not count" in (waiting(bot, word="does not count").next or "")
        package.untouched()
        assert approve(bot, package, zoes).code == 0
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()


def decided(bot: Bot, package: Package) -> list[tuple[str, str]]:
    """What people decided about it, as the ledger has it: each with its verb."""
    done = bot.run("ledger", "show", package.target, "--format", "json")
    return [(row["target"], row["words"]) for row in done.json["entries"] if row["kind"] == "command"]


@pytest.mark.chaos
@ONLY_IN_FULL
def test_an_approval_is_for_one_commit(bot: Bot, town: Town, group: Group) -> None:
    """A tag that is moved after the yes needs another; the old commit is never published."""
    bot.config["releases"][0]["approval"] = {}
    package = town.package(group)
    _, hers = person(town, group, "ada")
    package.tag()
    package.pipeline_over()
    assert bot.release("apply", package.target).code == 5
    assert approve(bot, package, hers).code == 0
    package.untag()
    package.commit({"more.md": "more\n"})
    package.tag()
    package.pipeline_over()
    done = approve(bot, package, hers)
    assert (done.code, "is not at" in done.complaint) == (5, True), done.err
    done = bot.release("apply", package.target)
    assert (done.code, done.json["state"]) == (5, "waiting"), done.out
    package.untouched()
    assert approve(bot, package, hers).code == 0
    assert bot.release("resume", package.target).code == 0
    package.complete()
    told = decided(bot, package)
    assert [verb for verb, _ in told] == ["apply", "approve", "apply", "approve", "resume"]
    first, second = (words for verb, words in told if verb == "approve")
    assert first != second and all(" by ada" in one and "on the command line" in one for one in (first, second))


def test_a_hold_between_two_files_keeps_the_second_back(bot: Bot, town: Town, group: Group) -> None:
    """While the first upload is under way somebody says stop; it is not lost over a kill; then they say go."""
    package = town.package(group)
    town.fault(kind="hold", method="POST", path=f"/projects/{package.project.id}/packages/pypi$")
    with bot.serving() as daemon:
        package.tag()
        until(lambda: town.control("GET", "held").json())
        done = bot.release("hold", package.target, "--reason", "ask the lawyers")
        assert done.code == 0, done.err
        assert "(ask the lawyers)" in reason(done, "hold")
        town.control("POST", "held/release")
        town.control("DELETE", "faults")
        waiting(bot, ReleaseState.PARTIAL, "held by")
        daemon.kill()
    assert len(package.registry()) == 1
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
        assert (release.state, len(package.registry()), package.index()) == (ReleaseState.PARTIAL, 1, [])
        assert bot.release("resume", package.target).code == 21
        assert len(package.registry()) == 1, "resume lifts no hold"
        assert bot.release("hold", package.target, "--lift").code == 0
        (release,) = bot.ended(package.project.full_path)
        assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()
    told = decided(bot, package)
    assert [verb for verb, _ in told] == ["hold", "resume", "lift"]
    held, _, lifted = (words for _, words in told)
    assert (held.startswith("hold v"), "(ask the lawyers)" in held, "the hold of v" in lifted) == (True, True, True)


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_hold_may_come_before_the_tag_and_end_by_itself(bot: Bot, town: Town, group: Group) -> None:
    """The release waits until the hold ends; a hold without an end blocks, and its lifting is no run."""
    package = town.package(group)
    assert bot.release("hold", package.target, "--for", "1s", "--until", "2099-01-01").code == 2
    assert bot.release("hold", package.target, "--until", "2020-01-01").code == 2
    assert bot.release("hold", package.target, "--lift").code == 3
    assert bot.release("hold", f"{group.full_path}/nothing@v1").code == 3
    assert bot.run("release", "hold", package.target).code == 0
    package.tag()
    package.pipeline_over()
    done = bot.release("apply", package.target)
    assert (done.code, done.json["state"]) == (5, "blocked")
    assert reason(done, "hold").startswith("fail: held by ")
    package.untouched()
    assert bot.release("hold", package.target, "--for", "6s").code == 0
    done = bot.release("resume", package.target)
    assert (done.code, done.json["state"]) == (5, "waiting")
    assert " until " in reason(done, "hold")
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()


def test_a_frozen_release_goes_on_when_the_freeze_ends(bot: Bot, town: Town, group: Group) -> None:
    """It says until when and who may lift it, survives a kill, and is published after the end, not before."""
    quiet = {"name": "quiet days", "from": "2026-01-01", "to": "2099-12-30", "owner": "the board"}
    bot.config["freeze"] = [quiet | {"projects": [f"{group.full_path}/**"]}]
    package = town.package(group)
    with bot.serving() as daemon:
        package.tag()
        release = waiting(bot, word="frozen until Thu 2099-12-31 00:00 UTC by `quiet days`; the board may lift it")
        assert release.due_at is not None
        assert release.due_at - release.updated_at <= timedelta(minutes=15), "whoever lifts it is not waited for longer"
        daemon.kill()
    (note,) = package.notes()[1]
    assert "frozen until" in note.body
    done = bot.release("plan", package.target)
    assert (done.code, done.json["state"], done.json["actions"]) == (5, "waiting", [])
    package.untouched()
    ends = (datetime.now(UTC) + timedelta(seconds=10)).replace(microsecond=0)
    bot.config["freeze"][0]["to"] = ends.strftime("%Y-%m-%dT%H:%M:%S")
    with bot.serving():
        assert bot.release("resume", package.target).code in (0, 5)
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    (published,) = package.releases()
    assert published.created_at >= ends
    package.complete()


def test_a_commit_that_nobody_merged_is_not_released(bot: Bot, town: Town, group: Group) -> None:
    """A protected tag on a commit of an unprotected branch: merged, the release goes on."""
    package = town.package(group)
    town.world.commit(package.project, "side", "On the side", {"side.md": "side\n"}, town.grace)
    package.tag(ref="side")
    package.pipeline_over()
    done = bot.release("apply", package.target)
    assert (done.code, done.json["state"]) == (5, "blocked")
    assert reason(done, "tag_reachable").startswith("fail: no protected branch contains ")
    package.untouched()
    request = town.world.create_merge_request(package.project, town.grace, "side", "On the side")
    town.world.merge(package.project, request, town.grace)
    done = bot.release("resume", package.target)
    assert (done.code, done.json["state"]) == (0, "published"), done.out
    assert reason(done, "tag_reachable").startswith("pass: protected branch main contains ")
    assert {TAG} == {one.tag for one in package.releases()}


def test_one_of_two_packages_is_released_once_its_name_is_recorded(bot: Bot, town: Town, group: Group) -> None:
    """A tag with the package's name before the version; the other package that the pipeline built stays at home."""
    number = next(town.numbers)
    core, cli = f"core{number}", f"cli{number}"
    rule = bot.config["releases"][0]
    rule["tags"], rule["new_names"] = ["*/v*"], "refuse"
    package = town.package(group, files=made.both(core, "1.1.0") | made.both(cli, "2.0"), name=core)
    town.world.protect_tag(package.project, "*")
    package.tag(f"{core}/v1.1.0")
    package.pipeline_over()
    target = f"{package.project.full_path}@{core}/v1.1.0"
    done = bot.release("apply", target)
    assert done.code == 5
    assert reason(done, "name_allowed").startswith(f"fail: {core} is new, and policy asks for its yes")
    assert f"not of this release: {cli}-2.0" in reason(done, "version_matches")
    package.untouched()
    assert bot.run("release", "names", core).code == 3
    assert bot.run("release", "names", core, "--to", package.project.full_path, "--forget").code == 2
    assert bot.run("release", "names", core.upper(), "--to", f"{group.full_path}/nothing").code == 3
    done = bot.run("release", "names", core.upper(), "--to", package.project.full_path, "--format", "json")
    row = {"name": core, "project_id": package.project.id, "project": package.project.full_path}
    assert (done.code, json.loads(done.out)) == (0, [row])
    done = bot.release("resume", target)
    assert (done.code, done.json["version"]) == (0, "1.1.0"), done.out
    assert package.registry() == package.index() == sorted(made.both(core, "1.1.0"))
    assert [one.tag for one in package.releases()] == [f"{core}/v1.1.0"]
    assert bot.run("release", "names", core, "--forget").code == 0
    assert bot.run("release", "names").out == ""
