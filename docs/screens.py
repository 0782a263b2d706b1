"""Draw docs/screens: the dashboard's pages over an organisation that is made up. `python -m docs.screens`"""

from __future__ import annotations

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from bot.adapters.store.readings import SqliteReadings
from bot.domain.releases import ReleaseState
from tests.browser.served import FLAGS, Served, serving
from tests.organisation import fill, reading

FOLDER = Path(__file__).with_name("screens")
COLOURS = 96  # of a picture; pages have few
SIZE = {"width": 1200, "height": 760}
PHONE = {"width": 375, "height": 760}
MOST = 600 * 1024  # bytes, of all pictures together


def main() -> int:
    """Fill, serve, look, write."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as served, sync_playwright() as playwright:
        made = fill(served.store, served.clock())
        blocked = next(one for one in reversed(made) if one.state is ReleaseState.BLOCKED)
        published = next(one for one in reversed(made) if one.state is ReleaseState.PUBLISHED)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, path in {
            "now": "/",
            "release": f"/releases/{published.key}",
            "releases": "/releases",
            "projects": "/projects",
            "project": f"/projects/{blocked.id.project_id}",
            "exposure": "/projects/3/exposure",
            "findings": "/findings",
            "bot": "/bot",
        }.items():
            SqliteReadings(served.store.database).keep(reading(served.clock()))  # as a daemon does now and then
            draw(browser, served, name, path)
        draw(browser, served, "now-dark", "/", scheme="dark")
        draw(browser, served, "release-phone", f"/releases/{blocked.key}", phone=True)
        browser.close()
    taken = sum(one.stat().st_size for one in FOLDER.glob("*.png"))
    print(f"{taken / 1024:.0f} KiB in {FOLDER}")
    return int(taken > MOST)


def draw(browser: Browser, served: Served, name: str, path: str, *, scheme: str = "light", phone: bool = False) -> None:
    """One page as one sees it first, with few colours."""
    context = browser.new_context(viewport=PHONE if phone else SIZE, color_scheme=scheme)
    page = context.new_page()
    page.goto(served.url + path)
    if page.locator("#pulse").count():
        page.locator("#pulse[data-state=live]").wait_for()
    shot = page.screenshot(animations="disabled")
    context.close()
    picture = Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
