"""A dashboard behind the real server, in a thread of its own, over a state that the test writes to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import open_reader
from bot.web.dashboard.app import dashboard
from bot.web.server import listen
from bot.web.viewer import Door, OpenDoor
from tests.browser.exposed import exposed
from tests.contract.dashboard_bench import site
from tests.stories.bot import free_port
from tests.waiting import until

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where it is, and what it shows."""

    url: str
    store: Store
    clock: Callable[[], datetime]


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@contextmanager
def serving(folder: Path, door: Door | None = None, key: str = "TWINE_PASSWORD") -> Iterator[Served]:
    """Serve a new state for the length of the block; `key` is the variable whose exposure it shows."""
    store = Store(open_state(folder / "ropewalk.db"), str)
    views = Views(open_reader(folder / "ropewalk.db"))
    try:
        with served_over(views, door, key) as url:
            yield Served(url=url, store=store, clock=now)
    finally:
        views.close()
        store.close()


@contextmanager
def served_over(views: Views, door: Door | None = None, key: str = "TWINE_PASSWORD") -> Iterator[str]:
    """Serve these views for the length of the block, and see to it that the server then stops. Its address."""
    port = free_port()
    stop = asyncio.Event()
    pages = site(views, now, lambda _: exposed(now(), key))
    app = dashboard(pages, door or OpenDoor(), stop)
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await listen(app, "127.0.0.1", port, stop)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url))
        yield url
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
        ended = not thread.is_alive()
    assert ended, "pages that are open must not keep the server from stopping"


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/static/favicon.svg", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
