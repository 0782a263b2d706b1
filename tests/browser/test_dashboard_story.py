"""The daemon with its dashboard, on the embedded GitLab: somebody watches a tag become a published package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.stories.bot import Bot, free_port, make_bot
from tests.stories.town import Town, open_town
from tests.waiting import WAIT

pytestmark = pytest.mark.slow
PATIENCE = WAIT * 1000  # milliseconds


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with open_town(tmp_path / "town") as opened:
        yield opened


def test_a_tag_is_watched_until_it_is_published_and_the_daemon_stops_beside_open_pages(
    page: Page, town: Town, tmp_path: Path
) -> None:
    group = town.group()
    package = town.package(group)
    bot: Bot = make_bot(tmp_path / "bot", town, group.full_path)
    bot.config["dashboard"] = {"host": "127.0.0.1", "port": free_port()}
    url = f"http://127.0.0.1:{bot.config['dashboard']['port']}"
    path, project_id = package.project.full_path, package.project.id
    with bot.serving() as daemon:
        page.goto(url)
        expect(page.locator("#pulse")).to_have_text("live")
        bot.settled()
        package.tag()
        page.locator("a.what", has_text=path).first.click(timeout=PATIENCE)
        expect(page.locator(".next .badge").first).to_have_text("published", timeout=PATIENCE)
        expect(page.locator(".receipts a[href*='/packages/pypi/']")).to_have_count(2)
        expect(page.locator(".checks .badge", has_text="done")).not_to_have_count(0)
        loose = {"key": "TWINE_PASSWORD", "value": "not-shown-anywhere", "masked": False, "protected": False}
        town.api("POST", f"/projects/{project_id}/variables", json=loose).raise_for_status()
        page.goto(f"{url}/projects/{project_id}/exposure")
        expect(page.locator("svg.exposure .open").first).to_be_visible()
        expect(page.locator("main")).to_contain_text("TWINE_PASSWORD")
        assert "not-shown-anywhere" not in page.content()
        page.goto(f"{url}/bot")
        expect(page.locator(".panel", has_text="Heartbeat")).to_contain_text("alive")
        assert httpx.get(url, headers={"host": "evil.example"}, trust_env=False).status_code == 421
        assert daemon.stop() == 0
    assert "Traceback" not in bot.log.read_text()
