"""The control API as an ASGI application: the token, the state, the clock, and the parts for everything else."""

import hmac
from collections.abc import Callable
from datetime import timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Json
from bot.sandbox.control.applications import ApplicationControl
from bot.sandbox.control.faults import FaultControl
from bot.sandbox.control.hooks import HookControl
from bot.sandbox.control.limits import LimitControl
from bot.sandbox.control.people import PeopleControl
from bot.sandbox.control.reading import MisuseError, read_object
from bot.sandbox.control.registry import RegistryControl
from bot.sandbox.control.routing import Handlers
from bot.sandbox.faults import CONTROL_PREFIX, Faults
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.storage import StorageSwitch
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.world import World

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105  # a header's name

PART_LIMIT = 100
"""No part of a control path is longer."""
YEAR_SECONDS = 365.25 * 24 * 3600
CLOCK_LIMIT_SECONDS = 100 * YEAR_SECONDS
"""How far the clock can be moved either way; dates stay printable."""


class ControlApi:
    """Answers below `/-/sandbox/`. `state` gives URLs and tokens for `GET state`."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        hooks: HookSender,
        storage: StorageSwitch,
        state: Callable[[], Json],
        *,
        token: str,
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
            *ApplicationControl(world).handlers(),
            *RegistryControl(world, storage).handlers(),
        ]
        self._app = Starlette(
            routes=[Route(f"{CONTROL_PREFIX}{path}", handler, methods=[method]) for path, handler, method in routes],
            exception_handlers={MisuseError: _misused, 404: _unknown, 405: _unknown},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one control request; 401 without the token."""
        if any(len(part) > PART_LIMIT for part in scope["path"].split("/")):
            await (await _unknown(Request(scope), HTTPException(404)))(scope, receive, send)
            return
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
        seconds = asked.number("offset_seconds")
        if not abs(seconds) <= CLOCK_LIMIT_SECONDS:
            years = int(CLOCK_LIMIT_SECONDS / YEAR_SECONDS)
            raise MisuseError(f"offset_seconds moves the clock by at most {years} years, not {seconds:g} seconds")
        self._world.clock.offset = timedelta(seconds=seconds)
        return await self._show_clock(request)


async def _unknown(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    path = request.url.path.removeprefix(CONTROL_PREFIX)
    return JSONResponse({"error": f"the control API has no {request.method} {path}; docs/sandbox.md lists it"}, status)


async def _misused(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"error": str(error)}, 400)
