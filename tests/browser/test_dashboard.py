"""In a real browser: releases pass by live, findings are filtered, keys suffice, phones and the dark are served."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.domain.refs import RefKind
from bot.domain.releases import Receipt, Release, ReleaseId, ReleaseState
from tests.browser.served import Served
from tests.organisation import GATES, NEXT, gates, targets

pytestmark = pytest.mark.slow
PAGES = (
    "/",
    "/releases",
    "/projects",
    "/projects/3",
    "/projects/3/exposure",
    "/findings?state=all",
    "/bot",
    "/nowhere",
)
SHA = "0a1b2c3d" * 5
GRAVE = ("serious", "critical")


def release(served: Served, state: ReleaseState = ReleaseState.PLANNED) -> Release:
    """One of the widget."""
    now = served.clock()
    return Release(
        id=ReleaseId(project_id=42, kind=RefKind.TAG, ref="v2.0.0", sha=SHA),
        project="acme/tools/widget",
        state=state,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now,
    )


def moved(served: Served, state: ReleaseState) -> None:
    """A turn of it ended in that state."""
    (held,) = served.store.releases.releases("42")
    changed = replace(
        held,
        state=state,
        next=NEXT.get(state),
        gates=gates(state),
        targets=targets(state),
        updated_at=served.clock(),
        due_at=served.clock() + timedelta(seconds=30) if state.open else None,
    )
    assert served.store.releases.finish(changed, held.wake)


def test_a_release_goes_by_while_one_looks(page: Page, served: Served) -> None:
    """On the first page and on its own, without loading anew; what is on record of it comes too."""
    page.goto(served.url)
    expect(page.locator("#pulse")).to_have_text("live")
    page.evaluate("window.kept = true")
    expect(page.get_by_text("Nothing is under way")).to_be_visible()
    served.store.releases.add(release(served))
    card = page.locator(".card", has_text="acme/tools/widget")
    expect(card.locator(".badge")).to_have_text("planned")
    for state in (ReleaseState.WAITING, ReleaseState.PUBLISHING, ReleaseState.VERIFYING):
        moved(served, state)
        expect(card.locator(".badge")).to_have_text(state.value)
    expect(card.locator(".steps .good")).to_have_count(3)
    card.locator("a.what").click()
    expect(page.locator("#pulse")).to_have_text("live")
    page.evaluate("window.kept = true")
    expect(page.locator(".receipts li")).to_have_count(0)
    where = "https://registry.example.com/widget.whl"
    receipt = Receipt(
        target="index:registry", kind="upload", where=where, at=served.clock(), file="widget.whl", sha256="0" * 64
    )
    served.store.ledger.record(release(served).key, [receipt])
    expect(page.locator(".receipts a")).to_have_attribute("href", where)
    moved(served, ReleaseState.PUBLISHED)
    expect(page.locator(".next .badge")).to_have_text("published")
    expect(page.locator(".timeline li").first).to_contain_text("the release is published")
    assert page.evaluate("window.kept") is True
    page.goto(served.url)
    expect(page.locator(".lines", has_text="acme/tools/widget")).to_be_visible()


def test_what_has_the_focus_keeps_it_while_the_page_changes(page: Page, served: Served) -> None:
    served.store.releases.add(release(served))
    page.goto(served.url)
    expect(page.locator("#pulse")).to_have_text("live")
    page.locator("a.what").focus()
    moved(served, ReleaseState.WAITING)
    expect(page.locator(".card .badge")).to_have_text("waiting")
    expect(page.locator("a.what")).to_be_focused()


def test_findings_are_filtered_and_the_address_says_so(page: Page, organisation: Served) -> None:
    page.goto(f"{organisation.url}/findings")
    page.get_by_label("Severity").select_option("high")
    page.get_by_label("Project, resource or reason").fill("twine")
    page.get_by_role("button", name="Show").click()
    rows = page.locator("tbody tr")
    assert rows.count() > 0
    assert set(rows.locator(".pill").all_inner_texts()) == {"high"}
    assert all("twine" in text.lower() for text in rows.all_inner_texts())
    expect(rows.first.locator(".reason")).to_contain_text("TWINE_")
    assert "severity=high" in page.url
    before = rows.all_inner_texts()
    page.reload()
    assert [text.split("\n")[0] for text in rows.all_inner_texts()] == [text.split("\n")[0] for text in before]
    page.get_by_label("State").select_option("fixed")
    page.get_by_label("Project, resource or reason").fill("")
    page.get_by_role("button", name="Show").click()
    assert rows.count() > 0
    expect(rows.first).to_contain_text("fixed")
    rows.first.get_by_text("Why, and what to do").click()
    expect(rows.first.get_by_text("Fix", exact=True)).to_be_visible()


def test_the_keyboard_suffices(page: Page, organisation: Served) -> None:
    page.goto(f"{organisation.url}/releases")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("main a.what").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("main a.what").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search releases")).to_be_focused()
    page.keyboard.type("widget j/k")
    expect(page.get_by_label("Search releases")).to_have_value("widget j/k")
    page.get_by_label("Search releases").fill("widget")
    page.keyboard.press("Enter")
    page.wait_for_url("**/releases?q=widget")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/releases/*/v*")
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    page.keyboard.press("Tab")
    assert page.evaluate(ring) == "solid"


@pytest.mark.parametrize(
    ("width", "scheme", "rules"),
    [
        (1280, "light", None),
        (1280, "dark", ["color-contrast"]),
        (375, "light", ["scrollable-region-focusable", "target-size"]),
    ],
    ids=["light", "dark", "phone"],
)
def test_every_page_fits_its_window_and_passes_axe(
    browser: Browser, organisation: Served, width: int, scheme: str, rules: list[str] | None
) -> None:
    """WCAG A and AA by axe-core: nothing serious, on a phone nothing beside the window, in the dark dark.

    All rules once; in the dark and on a phone those that come out otherwise there.
    """
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
    page = context.new_page()
    told = next(one for one in organisation.store.releases.releases() if one.state is ReleaseState.PUBLISHED)
    held = next(one for one in organisation.store.releases.releases() if one.state is ReleaseState.BLOCKED)
    for path in (*PAGES, f"/releases/{told.key}", f"/releases/{held.key}"):
        page.goto(organisation.url + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g)[0] > 128")
        assert light == (scheme == "light")
        assert grave(page, rules) == [], path
    page.goto("about:blank")
    page.set_content("<main><img src='x'><p style='color: #777; background: #888'>hardly seen</p></main>")
    expected = {"image-alt", "color-contrast"} if rules is None else {"color-contrast"} & set(rules)
    assert expected <= {name for name, _ in grave(page, rules)}, "it would see what is wrong"
    context.close()


def grave(page: Page, rules: list[str] | None) -> list[tuple[str, str]]:
    """What axe finds serious or worse, with the first place of each."""
    words = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = Axe().run(page, options=words).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in GRAVE]


def test_without_scripts_all_pages_and_filters_work(browser: Browser, organisation: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(organisation.url)
    expect(page.locator(".card").first).to_be_visible()
    page.get_by_role("link", name="Releases", exact=True).click()
    page.get_by_label("State").select_option("blocked")
    page.get_by_role("button", name="Show").click()
    texts = page.locator("tbody .badge").all_inner_texts()
    assert set(texts) == {"blocked"}
    page.locator("a.what").first.click()
    expect(page.get_by_role("heading", name="Gates")).to_be_visible()
    expect(page.locator(".checks").first.locator("b")).to_have_count(len(GATES))
    context.close()


def test_a_page_that_is_open_lets_the_server_stop(page: Page, served: Served) -> None:
    """`served` ends with the test, and asserts that it did within seconds."""
    page.goto(served.url)
    expect(page.locator("#pulse")).to_have_text("live")
