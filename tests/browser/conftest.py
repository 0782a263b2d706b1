"""A real browser, and dashboards that it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.served import FLAGS, Served, serving
from tests.clients.throwaway import unavailable
from tests.organisation import Size, fill

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium without a window, started once for a file.

    Its driver keeps an event loop going in this thread, which tests of other files could not live with.
    """
    if CHROMIUM is None:
        unavailable("Chromium is missing: apt-get install chromium")
    environment: dict[str, str | float | bool] = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environment)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard over a filled state that nobody changes."""
    with serving(tmp_path_factory.mktemp("organisation")) as served:
        fill(served.store, served.clock(), Size(projects=12, releases=36, findings=36, told=12))
        yield served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A dashboard over a state of the test's own."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of 1280 by 800, whose troubles are the test's."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert [one for one in troubles if "ERR_CONNECTION_REFUSED" not in one] == []  # a page outlives its server
