"""In a real browser: a page that stays open for days, among many, read and used while it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.domain.releases import ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.web.viewer import Act
from tests.browser.served import Served, serving
from tests.browser.test_dashboard import moved, release
from tests.contract.dashboard_bench import Member, OneDoor

pytestmark = pytest.mark.slow
SEEN = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true});"
TOLD = "document.dispatchEvent(new Event('visibilitychange'))"


def opened(page: Page, served: Served, path: str = "/") -> None:
    """A page that lives."""
    page.goto(f"{served.url}{path}")
    expect(page.locator("#pulse")).to_have_text("live")


def test_a_page_that_was_refused_lives_again(browser: Browser, served: Served) -> None:
    """A proxy answers 502 while the bot starts anew, and browsers give such a stream up for good."""
    page = browser.new_page()  # what is refused stands on its console
    page.route("**/live/**", lambda route: route.fulfill(status=502, content_type="text/html", body="Bad gateway"))
    page.clock.install()
    page.goto(served.url)
    expect(page.locator("#pulse")).to_have_text("not live: load anew")
    page.unroute("**/live/**")
    served.store.releases.add(release(served))
    page.clock.fast_forward("00:20")
    expect(page.locator("#pulse")).to_have_text("live")
    expect(page.locator(".card", has_text="acme/tools/widget")).to_be_visible()
    page.close()


def test_a_page_that_nobody_sees_keeps_no_connection(page: Page, served: Served) -> None:
    """Browsers have six of them for all tabs: the seventh page would never come."""
    opened(page, served)
    for _ in range(7):
        page.evaluate(SEEN % "hidden" + TOLD)
        other = page.context.new_page()
        opened(other, served)
        other.evaluate(SEEN % "hidden" + TOLD)
    served.store.releases.add(release(served))
    page.evaluate(SEEN % "visible" + TOLD)
    expect(page.locator(".card", has_text="acme/tools/widget")).to_be_visible()


def test_text_that_is_selected_stays_so_until_it_was_copied(page: Page, served: Served) -> None:
    served.store.releases.add(release(served))
    opened(page, served)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.card .what'))")
    moved(served, ReleaseState.WAITING)
    expect(page.locator("#pulse")).to_have_text("held while text is selected")
    assert "acme/tools/widget" in page.evaluate("getSelection().toString()")
    expect(page.locator(".card .badge")).to_have_text("planned")
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator(".card .badge")).to_have_text("waiting")
    expect(page.locator("#pulse")).to_have_text("live")


def test_buttons_come_and_go_with_the_state_and_disturb_nobody_who_writes(page: Page, tmp_path: Path) -> None:
    door = OneDoor(who=Member(projects=frozenset({42}), acts=frozenset(Act)))
    asks = GateResult(name="approval", verdict=Verdict.FAIL, reason="one is missing", consequence=Consequence.WAIT)
    with serving(tmp_path, door) as served:
        made = release(served)
        served.store.releases.add(made)
        opened(page, served, f"/releases/{made.key}")
        approve = page.get_by_role("button", name="Approve")
        expect(approve).to_have_count(0)
        (held,) = served.store.releases.releases("42")
        waits = replace(held, state=ReleaseState.WAITING, gates=(asks,), updated_at=served.clock())
        assert served.store.releases.finish(waits, held.wake)
        expect(approve).to_be_visible()
        follows = "document.getElementById('acts').compareDocumentPosition(document.getElementById('gates')) & 4"
        assert page.evaluate(follows), "what one came for stands before the gates"
        page.get_by_label("Why").fill("not before Monday")
        moved(served, ReleaseState.PUBLISHED)
        expect(page.locator(".next .badge")).to_have_text("published")
        expect(page.get_by_label("Why")).to_have_value("not before Monday")
        expect(page.get_by_label("Why")).to_be_focused()
        page.get_by_label("Why").fill("")
        page.locator("h1").click()
        moved(served, ReleaseState.VERIFYING)
        expect(approve).to_have_count(0)
        expect(page.get_by_role("button", name="Hold it back")).to_be_visible()
        page.goto("about:blank")
