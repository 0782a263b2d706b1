"""The control API as an ASGI application: the token, the state, the clock, and the parts for everything else."""

import hmac
from collections.abc import Callable
from datetime import timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Json
from bot.sandbox.control.faults import FaultControl
from bot.sandbox.control.hooks import HookControl
from bot.sandbox.control.limits import LimitControl
from bot.sandbox.control.people import PeopleControl
from bot.sandbox.control.reading import MisuseError, read_object
from bot.sandbox.control.routing import Handlers
from bot.sandbox.faults import CONTROL_PREFIX, Faults
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.world import World

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105  # a header's name


class ControlApi:
    """Answers below `/-/sandbox/`. `state` gives URLs and tokens for `GET state`."""

    def __init__(
        self, world: World, faults: Faults, hooks: HookSender, state: Callable[[], Json], *, token: str
    ) -> None:
        self._world = world
        self._state = state
        self._token = token
        routes: Handlers = [
            ("state", self._show_state, "GET"),
            ("clock", self._show_clock, "GET"),
            ("clock", self._move_clock, "PUT"),
            *FaultControl(faults).handlers(),
            *LimitControl(world.limits).handlers(),
            *HookControl(hooks, faults.seed).handlers(),
            *PeopleControl(world).handlers(),
        ]
        self._app = Starlette(
            routes=[Route(f"{CONTROL_PREFIX}{path}", handler, methods=[method]) for path, handler, method in routes],
            exception_handlers={MisuseError: _misused},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one control request; 401 without the token."""
        sent = Request(scope).headers.get(TOKEN_HEADER, "")
        if hmac.compare_digest(sent.encode(), self._token.encode()):
            await self._app(scope, receive, send)
            return
        answer = JSONResponse({"error": f"the control API wants its token in {TOKEN_HEADER}"}, 401)
        await answer(scope, receive, send)

    async def _show_state(self, request: Request) -> Response:
        del request
        return JSONResponse(self._state())

    async def _show_clock(self, request: Request) -> Response:
        del request
        clock = self._world.clock
        return JSONResponse({"now": stamp(clock.now()), "offset_seconds": clock.offset.total_seconds()})

    async def _move_clock(self, request: Request) -> Response:
        asked = await read_object(request)
        if not asked.has("offset_seconds"):
            raise MisuseError("offset_seconds is a number: how far the world's clock is ahead of real time")
        self._world.clock.offset = timedelta(seconds=asked.number("offset_seconds"))
        return await self._show_clock(request)


async def _misused(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"error": str(error)}, 400)
