"""Somebody signs in with the embedded GitLab in a real browser, approves one release, and holds another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bot.domain.releases import Release, ReleaseState
from bot.sandbox.world.people import Level
from tests.stories.bot import Bot, free_port, make_bot
from tests.stories.town import TAG, Package, Town, open_town
from tests.waiting import WAIT

pytestmark = pytest.mark.slow
PATIENCE = WAIT * 1000  # milliseconds


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with open_town(tmp_path / "town") as opened:
        yield opened


def guarded(bot: Bot, town: Town, url: str) -> None:
    """Let people sign in, by an application of the instance that an administrator made."""
    sent = {"name": "Ropewalk", "redirect_uri": f"{url}/sign-in/callback", "scopes": "read_api"}
    root = town.world.user_named("root")
    made = town.api("POST", "/applications", root, json=sent).raise_for_status().json()
    bot.secret("sign-in", made["secret"])
    bot.config["dashboard"] = {
        "port": int(url.rpartition(":")[2]),
        "public_url": url,
        "sign_in": {"client_id": made["application_id"], "client_secret_file": "sign-in"},
    }
    bot.config["releases"][0]["approval"] = {"from": "maintainer"}


def waiting(bot: Bot, package: Package) -> Release:
    """The package's release once it waits for a yes."""

    def found(rows: list[Release]) -> list[Release]:
        ours = [one for one in rows if one.project == package.project.full_path]
        return [one for one in ours if one.state is ReleaseState.WAITING and "approval" in (one.next or "")]

    return bot.recorded(found, 2 * WAIT)[0]


def sign_in(page: Page, town: Town, who: str) -> None:
    """At GitLab: the password, then a yes to what the dashboard asks for."""
    page.get_by_label("Username").select_option(who)
    page.get_by_label("Password").fill(town.world.applications.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading")).to_contain_text("Authorize Ropewalk")
    expect(page.locator("main li")).to_have_text(["read_api"])
    page.get_by_role("button", name="Authorize").click()


def test_somebody_signs_in_approves_one_release_and_holds_another(page: Page, town: Town, tmp_path: Path) -> None:
    group = town.group()
    good, other = town.package(group), town.package(group)
    ada = town.world.create_user("ada")
    town.world.add_member(group, ada, Level.MAINTAINER)
    bot = make_bot(tmp_path / "bot", town, group.full_path)
    url = f"http://127.0.0.1:{free_port()}"
    guarded(bot, town, url)
    with bot.serving() as daemon:
        bot.settled()
        for package in (good, other):
            package.tag()
        first, second = waiting(bot, good), waiting(bot, other)
        path = f"/releases/{first.key}"
        page.goto(f"{url}{path}")
        assert page.url.startswith(town.gitlab.url), "nobody sees a page before they signed in"
        sign_in(page, town, "ada")
        expect(page).to_have_url(f"{url}{path}")
        expect(page.locator(".person")).to_contain_text("Ada")
        for cookie in page.context.cookies(url):
            assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
        page.get_by_role("button", name="Approve").click()
        expect(page).to_have_url(f"{url}{path}")
        expect(page.locator(".next .badge").first).to_have_text("published", timeout=PATIENCE)
        expect(page.locator(".timeline")).to_contain_text(f"approve {TAG} by ada (user {ada.id}) on the dashboard")
        page.goto(f"{url}/releases/{second.key}")
        page.get_by_label("For").select_option("1d")
        page.get_by_label("Why").fill("wait for <b>the</b> audit")
        page.get_by_role("button", name="Hold it back").click()
        expect(page.locator(".next")).to_contain_text("held by ada")
        expect(page.locator(".next")).to_contain_text("wait for <b>the</b> audit")
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("main")).to_contain_text("You are signed out.")
        assert not [one for one in town.world.tokens.values() if one.application is not None and not one.revoked]
        page.goto(f"{url}/releases/{second.key}")
        expect(page).to_have_url(re.compile(f"^{re.escape(town.gitlab.url)}/oauth/authorize"))
        assert daemon.stop() == 0
    good.complete()
    other.untouched()
    said = bot.log.read_text()
    assert "Traceback" not in said and bot.secrets["sign-in"] not in said
    assert not [code for code in town.world.applications.grants if code in said]
