"""The control API, `/-/sandbox/`: what tests and stories steer the sandbox with. Guarded by `X-Sandbox-Token`.

Misuse is answered with 400 and one sentence under `error`.
"""

import asyncio
import contextlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Json
from bot.sandbox.faults import CONTROL_PREFIX, Fault, FaultKind, Faults, Held
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.world import World

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105  # a header's name
WAIT_LIMIT_SECONDS = 600.0

_FAULT_FIELDS = frozenset(
    {"kind", "path", "method", "after_effect", "times", "skip", "seconds", "status", "body", "headers"}
)


class MisuseError(Exception):
    """The control request makes no sense; the message says why."""


def _fault(number: int, asked: Json) -> Fault:
    unknown = sorted(set(asked) - _FAULT_FIELDS)
    if unknown:
        raise MisuseError(f"a fault has no {unknown[0]!r}; it has {', '.join(sorted(_FAULT_FIELDS))}")
    kind, pattern = asked.get("kind"), asked.get("path", "")
    if kind not in list(FaultKind):
        raise MisuseError(f"kind must be one of {', '.join(FaultKind)}, not {kind!r}")
    try:
        path = re.compile(str(pattern))
    except re.error as error:
        raise MisuseError(f"path {pattern!r} is no regular expression: {error}") from None
    times, seconds = asked.get("times", 1), asked.get("seconds", 0.0)
    skip, status = asked.get("skip", 0), asked.get("status", 503)
    headers, body, method = asked.get("headers", {}), asked.get("body", ""), asked.get("method")
    if not (times is None or isinstance(times, int)) or not isinstance(skip, int) or not isinstance(status, int):
        raise MisuseError("times, skip and status are whole numbers (times may be null: every request)")
    if not isinstance(seconds, (int, float)) or not isinstance(headers, dict):
        raise MisuseError("seconds is a number, headers an object")
    return Fault(
        id=number,
        kind=FaultKind(str(kind)),
        path=path,
        method=str(method).upper() if method else None,
        after_effect=asked.get("after_effect") is True,
        times=times,
        skip=skip,
        seconds=float(seconds),
        status=status,
        body=body if isinstance(body, str) else json.dumps(body),
        headers={str(name): str(value) for name, value in headers.items()},
    )


def _shown_fault(one: Fault) -> Json:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "method": one.method,
        "path": one.path.pattern,
        "after_effect": one.after_effect,
        "times": one.times,
        "hits": one.hits,
    }


def _shown_held(one: Held) -> Json:
    return {"id": one.id, "method": one.method, "path": one.path, "after_effect": one.after_effect}


class ControlApi:
    """Answers below `/-/sandbox/`. `state` gives URLs and tokens for `GET state`."""

    def __init__(
        self, world: World, faults: Faults, hooks: HookSender, state: Callable[[], Json], *, token: str
    ) -> None:
        self._world = world
        self._faults = faults
        self._hooks = hooks
        self._state = state
        self._token = token
        routes = [
            ("state", self._show_state, "GET"),
            ("requests", self._list_requests, "GET"),
            ("requests", self._forget_requests, "DELETE"),
            ("counters", self._show_counters, "GET"),
            ("faults", self._list_faults, "GET"),
            ("faults", self._add_fault, "POST"),
            ("faults", self._clear_faults, "DELETE"),
            ("faults/{id:int}", self._remove_fault, "DELETE"),
            ("held", self._list_held, "GET"),
            ("held/release", self._release_all, "POST"),
            ("held/{id:int}/release", self._release, "POST"),
            ("clock", self._show_clock, "GET"),
            ("clock", self._move_clock, "PUT"),
            ("hooks/drain", self._drain_hooks, "POST"),
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

    async def _list_requests(self, request: Request) -> Response:
        """The log, oldest first; `path` (regex), `method`, `since` (id) choose; `wait` as for held requests."""
        method, since = request.query_params.get("method"), request.query_params.get("since", "0")
        try:
            wanted, first = re.compile(request.query_params.get("path", "")), int(since)
        except (re.error, ValueError):
            raise MisuseError("path is a regular expression, since the id of a request") from None

        def rows() -> list[Json]:
            return [
                asdict(one)
                for one in self._faults.log
                if one.id > first and wanted.search(one.path) and method in (None, one.method)
            ]

        await self._wait(request, lambda: bool(rows()))
        return JSONResponse(rows())

    async def _wait(self, request: Request, true: Callable[[], bool]) -> None:
        """Return when `true` is, or after the `wait` seconds the request allows (none by default)."""
        try:
            patience = min(float(request.query_params.get("wait", "0")), WAIT_LIMIT_SECONDS)
        except ValueError:
            raise MisuseError("wait is a number of seconds") from None
        if patience > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience), self._faults.news:
                    await self._faults.news.wait_for(true)

    async def _forget_requests(self, request: Request) -> Response:
        del request
        self._faults.reset_log()
        return Response(status_code=204)

    async def _show_counters(self, request: Request) -> Response:
        del request
        return JSONResponse(dict(self._faults.counters))

    async def _list_faults(self, request: Request) -> Response:
        del request
        return JSONResponse([_shown_fault(one) for one in self._faults.active.values()])

    async def _add_fault(self, request: Request) -> Response:
        fault = _fault(next(self._faults.ids), await _object(request))
        self._faults.active[fault.id] = fault
        return JSONResponse(_shown_fault(fault), 201)

    async def _clear_faults(self, request: Request) -> Response:
        del request
        self._faults.active.clear()
        return Response(status_code=204)

    async def _remove_fault(self, request: Request) -> Response:
        if self._faults.active.pop(request.path_params["id"], None) is None:
            raise MisuseError(f"there is no fault {request.path_params['id']}")
        return Response(status_code=204)

    async def _list_held(self, request: Request) -> Response:
        """Requests held now; with `wait=SECONDS` answers as soon as there is one, or empty after that time."""
        await self._wait(request, lambda: bool(self._faults.held))
        return JSONResponse([_shown_held(one) for one in self._faults.held.values()])

    async def _release_all(self, request: Request) -> Response:
        reset = (await _object(request)).get("reset") is True
        for one in list(self._faults.held.values()):
            one.reset = reset
            one.released.set()
        return Response(status_code=204)

    async def _release(self, request: Request) -> Response:
        one = self._faults.held.get(request.path_params["id"])
        if one is None:
            raise MisuseError(f"no request {request.path_params['id']} is held")
        one.reset = (await _object(request)).get("reset") is True
        one.released.set()
        return Response(status_code=204)

    async def _show_clock(self, request: Request) -> Response:
        del request
        clock = self._world.clock
        return JSONResponse({"now": stamp(clock.now()), "offset_seconds": clock.offset.total_seconds()})

    async def _move_clock(self, request: Request) -> Response:
        asked = (await _object(request)).get("offset_seconds")
        if not isinstance(asked, (int, float)):
            raise MisuseError("offset_seconds is a number: how far the world's clock is ahead of real time")
        self._world.clock.offset = timedelta(seconds=asked)
        return await self._show_clock(request)

    async def _drain_hooks(self, request: Request) -> Response:
        del request
        await run_in_threadpool(self._hooks.drain)
        return Response(status_code=204)


async def _object(request: Request) -> Json:
    body = await request.body()
    if not body:
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise MisuseError(f"the body is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise MisuseError("the body must be a JSON object")
    return parsed


async def _misused(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"error": str(error)}, 400)
