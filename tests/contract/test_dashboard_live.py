"""The living parts of pages: one look for all who wait, nothing sent that reads the same, and an end when it is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import open_reader
from bot.domain.errors import TransientError
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.web.dashboard.app import PAGES
from bot.web.dashboard.live import Pulse, Streams
from bot.web.viewer import Viewer
from tests.contract.dashboard_bench import Member, OneDoor, site
from tests.contract.states import file_store
from tests.unit.release_facts import NOON, SHA

SOON = 5.0  # seconds


class Stamps:
    """What the state says, and how often it was asked."""

    def __init__(self) -> None:
        self.word: str | None = "a"
        self.asked = 0

    def __call__(self) -> str:
        """The word; None is a state that cannot be read."""
        self.asked += 1
        if self.word is None:
            raise TransientError(what="gone", where="here")
        return self.word


def test_one_look_serves_all_who_wait_and_nobody_is_told_of_nothing() -> None:
    stamps = Stamps()

    async def story() -> None:
        pulse = Pulse(stamps, every=0.01)
        assert await pulse.after("", SOON) == "a"
        waiting = [asyncio.create_task(pulse.after("a", SOON)) for _ in range(50)]
        before = stamps.asked
        stamps.word = None
        await asyncio.sleep(0.1)
        assert stamps.asked - before < 25, "one look at a time, not one for each"
        assert not any(one.done() for one in waiting)
        stamps.word = "b"
        assert set(await asyncio.gather(*waiting)) == {"b"}
        assert await pulse.after("b", 0.05) == "b", "after a while it is told anyway"
        await asyncio.sleep(0.05)
        asked = stamps.asked
        await asyncio.sleep(0.1)
        assert stamps.asked == asked, "while nobody waits nobody looks"

    asyncio.run(story())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return file_store(tmp_path / "ropewalk.db")


def release(project_id: int) -> Release:
    return Release(
        id=ReleaseId(project_id=project_id, kind=RefKind.TAG, ref="v1", sha=SHA),
        project=f"acme/p{project_id}",
        state=ReleaseState.WAITING,
        created_at=NOON,
        updated_at=NOON,
        asked_at=NOON,
        due_at=NOON,
    )


@asynccontextmanager
async def stream(
    folder: Path, door: OneDoor, stop: asyncio.Event, path: str = "/"
) -> AsyncIterator[Callable[[], Awaitable[str | None]]]:
    """Open the living part of a page; gives what is sent next, None at the end."""
    views = Views(open_reader(folder / "ropewalk.db"))
    streams = Streams(site(views, lambda: NOON), door, stop, every=0.01)
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    answer = await streams.answer(PAGES[path], Request(scope))
    events = answer.body_iterator.__aiter__()  # type: ignore[attr-defined]  # a stream has it

    async def following() -> str | None:
        try:
            return str((await asyncio.wait_for(events.__anext__(), SOON)).data)
        except StopAsyncIteration:
            return None

    yield following
    await events.aclose()
    views.close()


def test_only_what_a_viewer_may_see_wakes_their_page(store: Store, tmp_path: Path) -> None:
    """A change elsewhere is not even hinted at by sending the same again."""

    async def story() -> None:
        door = OneDoor(who=Member(projects=frozenset({1})))
        async with stream(tmp_path, door, asyncio.Event()) as following:
            assert "Nothing is under way" in str(await following())
            later = asyncio.ensure_future(following())
            store.releases.add(release(2))
            await asyncio.sleep(0.5)
            assert not later.done()
            store.releases.add(release(1))
            text = str(await later)
            assert "acme/p1" in text
            assert "acme/p2" not in text

    asyncio.run(story())


@pytest.mark.parametrize("end", ["signed out", "stopped"])
def test_a_stream_ends_with_the_session_and_with_the_server(store: Store, tmp_path: Path, end: str) -> None:
    async def story() -> None:
        who: Viewer = Member(projects=frozenset({1}))
        door, stop = OneDoor(who=who), asyncio.Event()
        async with stream(tmp_path, door, stop) as following:
            assert await following() is not None
            if end == "stopped":
                stop.set()
            else:
                door.who = None
                store.releases.add(release(1))
            assert await following() is None

    asyncio.run(story())


def test_beyond_what_is_kept_open_a_browser_is_told_so(store: Store, tmp_path: Path) -> None:
    store.close()

    async def story() -> int:
        views = Views(open_reader(tmp_path / "ropewalk.db"))
        door = OneDoor(who=Member(projects=frozenset()))
        streams = Streams(site(views, lambda: NOON), door, asyncio.Event(), most=0)
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        answer = await streams.answer(PAGES["/"], Request(scope))
        views.close()
        return answer.status_code

    assert asyncio.run(story()) == httpx.codes.SERVICE_UNAVAILABLE
