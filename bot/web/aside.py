"""Answers that may wait for a disk or a database, in threads of their own: who waits elsewhere holds none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response


def aside(answer: Callable[[Request], Response], threads: int) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of an answer, of which at most so many are made at the same time."""
    limiter = CapacityLimiter(threads)

    async def endpoint(request: Request) -> Response:
        return await to_thread.run_sync(partial(answer, request), limiter=limiter)

    return endpoint
