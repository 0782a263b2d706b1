"""Pages that change while somebody looks: their living part is sent anew whenever it reads differently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.domain.errors import TransientError
from bot.web.dashboard.site import Page, Site, rendered, visit
from bot.web.viewer import Door

LOOK_EVERY = 0.5  # seconds between two looks at whether anything changed, for however many viewers
RENEW_AFTER = 10.0  # seconds until a page is made again anyway: "5 s ago" grows old by itself
PING = 15  # seconds between signs of life, for what stands between us and the browser
SEND_WITHIN = 10.0  # seconds for a browser to take what is sent, else it is gone
MOST_STREAMS = 200  # open at the same time; a browser beyond them reloads by hand


class Pulse:
    """Tells whoever waits that something changed. One look for all of them, none while nobody waits."""

    def __init__(self, stamp: Callable[[], str], every: float = LOOK_EVERY) -> None:
        """`stamp` is asked in a thread and may raise TransientError: then nothing is known to have changed."""
        self._stamp = stamp
        self._every = every
        self._now = ""
        self._changed = asyncio.Event()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    async def after(self, seen: str, within: float = RENEW_AFTER) -> str:
        """The stamp, once it is another than `seen`, or `within` seconds have passed."""
        self._waiting += 1
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look())
            async with asyncio.timeout(within):
                while self._now == seen:
                    await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return self._now

    async def _look(self) -> None:
        while self._waiting:
            try:
                now = await run_in_threadpool(self._stamp)
            except TransientError:
                now = self._now
            if now != self._now:
                self._now = now
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(self._every)


class Streams:
    """The living parts of pages as server-sent events, until `stop` is set, the browser leaves, or must sign in."""

    def __init__(
        self, site: Site, door: Door, stop: asyncio.Event, *, every: float = LOOK_EVERY, most: int = MOST_STREAMS
    ) -> None:
        """`every` is how many seconds lie between two looks, `most` how many streams are kept open."""
        self._site = site
        self._door = door
        self._stop = stop
        self._most = most
        self._pulse = Pulse(site.releases.stamp, every)
        self._open = 0

    async def answer(self, page: Page, request: Request) -> Response:
        """The stream; 401 if the viewer must sign in, 404 for what is not there, 503 beyond what we keep open."""
        if self._open >= self._most:
            return PlainTextResponse("too many pages are open", status_code=503)
        first = await run_in_threadpool(self._render, page, request)
        if first is None:
            return PlainTextResponse("sign in first", status_code=401)
        return EventSourceResponse(
            self._events(page, request, first),
            ping=PING,
            send_timeout=SEND_WITHIN,
            headers={"cache-control": "no-store"},
        )

    def _render(self, page: Page, request: Request) -> str | None:
        """The part as that viewer sees it now; None if they are to sign in. Raises: HTTPException, TransientError."""
        guest = visit(self._site, self._door, request)
        return None if guest is None else rendered(page, guest, whole=False)

    async def _events(self, page: Page, request: Request, first: str) -> AsyncIterator[ServerSentEvent]:
        self._open += 1
        stopping = asyncio.create_task(self._stop.wait())
        try:
            sent, seen = first, ""
            yield ServerSentEvent(first)
            while not stopping.done():
                waiting = asyncio.create_task(self._pulse.after(seen))
                await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    return
                seen = waiting.result()
                try:
                    now = await run_in_threadpool(self._render, page, request)
                except TransientError:
                    continue  # it is asked again soon
                except HTTPException:
                    return
                if now is None:
                    return
                if now != sent:
                    sent = now
                    yield ServerSentEvent(now)
        finally:
            self._open -= 1
            stopping.cancel()
