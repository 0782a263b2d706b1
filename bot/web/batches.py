"""Do in one go what many requests ask for at once: while one batch is being stored, the next one gathers.

It is done in a thread of its own: pages for people, which may wait for GitLab, take others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST = 100  # in one batch: what waits behind it waits no longer than that takes


class Batches(Generic[Asked, Answer]):
    """Whoever asks first is served at once; who comes meanwhile is served together. Used from one event loop."""

    def __init__(self, serve: Callable[[Sequence[Asked]], Sequence[Answer]]) -> None:
        """`serve` answers a batch, in its order, in a thread. If it raises, each of the batch is tried by itself."""
        self._serve = serve
        self._thread = CapacityLimiter(1)
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._server: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """The answer. Raises: whatever `serve` raises for this one alone."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._aside([asked for asked, _ in batch])
            except Exception:  # noqa: BLE001  (one of them may be to blame: each gets its own chance and its own error)
                for asked, future in batch:
                    await self._alone(asked, future)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():  # its request may be gone
                    future.set_result(answer)

    async def _alone(self, asked: Asked, future: asyncio.Future[Answer]) -> None:
        try:
            (answer,) = await self._aside([asked])
        except Exception as error:  # noqa: BLE001  (handed to whoever asked)
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(answer)

    async def _aside(self, batch: Sequence[Asked]) -> Sequence[Answer]:
        return await to_thread.run_sync(partial(self._serve, batch), limiter=self._thread)
