"""How the parts of the control API offer their calls, and how a call waits for something to happen."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from bot.sandbox.control.reading import MisuseError

Handlers: TypeAlias = list[tuple[str, Callable[[Request], Awaitable[Response]], str]]
"""Path below `/-/sandbox/`, what answers, method."""

WAIT_LIMIT_SECONDS = 600.0


def patience(request: Request) -> float:
    """The `wait` seconds a request allows; none by default. Raises: MisuseError."""
    try:
        seconds = float(request.query_params.get("wait", "0"))
    except ValueError:
        raise MisuseError("wait is a number of seconds") from None
    if not seconds >= 0:
        raise MisuseError("wait is a number of seconds, not negative")
    return min(seconds, WAIT_LIMIT_SECONDS)


async def wait_for(request: Request, news: asyncio.Condition, true: Callable[[], bool]) -> None:
    """Return when `true` is, asked again at every news, or when the request's patience has ended."""
    seconds = patience(request)
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), news:
                await news.wait_for(true)
