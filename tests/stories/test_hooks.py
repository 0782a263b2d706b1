"""Hooks that the bot makes and mends for itself, and the commands that say what is wrong with them."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Callable

import pytest

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.releases import ReleaseState
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.stories.bot import NEVER, Bot, Done, free_port
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos, ONLY_IN_FULL]  # the time of `make test` is bounded

POLLS = r"^/api/v4/projects\?"  # what the poll asks; hooks are looked after without it


def signing_token() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture
def told(bot: Bot) -> Bot:
    """A bot that GitLab can reach; it polls at its start alone."""
    bot.secret("hook.secret", signing_token())
    bot.config["watch"] |= {"poll": NEVER, "hook_secret_file": "hook.secret"}
    bot.config["web"]["public_url"] = f"http://127.0.0.1:{bot.port}"
    return bot


def hooks(bot: Bot, verb: str, *arguments: str) -> Done:
    """`hooks VERB --format json`."""
    return bot.run("hooks", verb, "--format", "json", *arguments)


def verdicts(done: Done) -> dict[str, str]:
    assert done.json["schema"] == "ropewalk.hooks/1"
    assert done.json["ready"] == all(row["verdict"] == "ok" for row in done.json["hooks"])
    return {row["where"]: row["verdict"] for row in done.json["hooks"]}


def test_what_a_dead_daemon_missed_is_delivered_again_and_released_once(told: Bot, town: Town, group: Group) -> None:
    """Installed; the daemon dies; GitLab disables the hook; the next daemon enables it and asks for what it missed.

    The poll is broken all the while: what is released was released by the redelivered hooks alone.
    """
    package = town.package(group)
    where = package.project.full_path
    assert verdicts(hooks(told, "install")) == {where: "ok"}
    with told.serving():  # the first start, which says from when on tags are released
        until(lambda: has_baseline(told, package))
    (hook,) = package.project.hooks.values()
    town.control("PUT", "hooks/settings", json={"auto_disable": True})
    town.fault(kind="status", status=503, path=POLLS, times=None)
    package.tag()
    package.pipeline_over()
    for number in range(4):
        package.commit({f"more/{number}": "x"})
        town.control("POST", "hooks/drain")
    missed = [row.key for row in hook.deliveries if row.response_status == "internal error"]
    checked = hooks(told, "check")
    assert (checked.code, verdicts(checked)) == (5, {where: "disabled"})
    mended = hooks(told, "repair")
    assert (mended.code, verdicts(mended)) == (5, {where: "disabled"})
    assert "the test delivery was not taken" in mended.json["hooks"][0]["reason"]
    with told.serving():
        (release,) = told.ended(package.project.full_path)
        until(lambda: "hooks.mended" in told.log.read_text(errors="replace"))
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()
    assert verdicts(hooks(told, "check")) == {where: "ok"}
    taken = Counter(row.key for row in hook.deliveries if row.response_status == "202")
    assert all(count == 1 for count in taken.values()), taken
    assert taken.keys() & set(missed), "something was delivered again"
    assert hook.recent_failures == 0


def has_baseline(bot: Bot, package: Package) -> bool:
    """Whether the bot knows the package's refs, so that only news of them counts."""
    store = Store(open_state(bot.state), str)
    try:
        return store.intake.known(package.project.id).tags is not None
    finally:
        store.close()


def test_installing_is_planned_first_done_once_and_follows_a_new_secret(told: Bot, town: Town, group: Group) -> None:
    """A dry run needs only read_api; twice is once; the daemon sets a new secret, by which deliveries are believed."""
    town.world.add_member(group, town.bot, Level.OWNER)
    package = town.package(group)
    token = town.world.create_token(town.bot, ["read_api"], "reader")
    before = town.mark()
    told.secret("bot.token", token)
    planned = hooks(told, "install", "--dry-run")
    assert (planned.code, planned.json["hooks"][0]["actions"]) == (5, ["make the hook"])
    refused = hooks(told, "install")
    assert (refused.code, town.writes(before)) == (6, [])
    assert "api" in refused.complaint
    told.secret("bot.token", town.token)
    assert hooks(told, "install").code == 0
    assert len(town.writes(before)) == 1
    assert hooks(told, "install").code == 0
    assert len(town.writes(before)) == 1
    (hook,) = group.hooks.values()
    told.secret("hook.secret", signing_token())
    checked = hooks(told, "check")
    assert (checked.code, verdicts(checked)) == (5, {group.full_path: "wrong_secret"})
    with told.serving():
        until(lambda: hook.signing_token == told.secrets["hook.secret"])
        package.tag()
        (release,) = told.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    assert {row.response_status for row in hook.deliveries} == {"202"}
    for secret in told.secrets.values():
        assert secret not in told.log.read_text(errors="replace")


def test_what_cannot_be_looked_at_is_told_and_the_rest_is_done(told: Bot, town: Town, group: Group) -> None:
    """4 where something is unknown; `doctor` tells of the hooks too."""
    package, other = town.package(group), town.package(group)
    town.fault(kind="status", status=403, path=f"/projects/{other.project.id}/hooks", times=None)
    done = hooks(told, "install")
    assert (done.code, verdicts(done)) == (4, {package.project.full_path: "ok", other.project.full_path: "cannot_look"})
    text = told.run("hooks", "check").out
    assert f"✓ project {package.project.full_path}  ok: told of" in text
    assert f"? project {other.project.full_path}  cannot look: " in text
    assert text.endswith("/hooks/gitlab: not ready\n")
    package.project.hooks.clear()
    (said,) = [row for row in told.run("doctor", "--format", "json").json["checks"] if row["name"] == "hooks"]
    assert (said["verdict"], said["remedy"]) == ("fail", "`ropewalk hooks install` mends it")
    assert said["reason"].startswith("0 of 2 are as they should be; ")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda bot: bot.config["web"].pop("public_url"), 2, "web.public_url"),
        (lambda bot: bot.config["gitlab"].update(url=f"http://127.0.0.1:{free_port()}"), 6, "cannot be reached"),
    ],
    ids=["no address", "no GitLab"],
)
def test_what_stands_in_the_way_is_one_sentence(
    told: Bot, spoil: Callable[[Bot], object], code: int, words: str
) -> None:
    """2 for the configuration, 6 for a GitLab that is not there."""
    spoil(told)
    done = told.run("hooks", "check")
    assert done.code == code, done.err
    assert words in done.complaint
