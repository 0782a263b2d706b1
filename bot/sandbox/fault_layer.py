"""The outermost layer of the sandbox: dates, logs and counts every request, and applies faults to it."""

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Mapping
from typing import assert_never

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.faults import CONTROL_PREFIX, WINDOW_SECONDS, Fault, FaultKind, Faults, Held, Logged
from bot.sandbox.graphql.endpoint import TIMEOUT_KEY
from bot.sandbox.limits import Observed, Rate
from bot.sandbox.rest.limits import TOO_MANY
from bot.sandbox.throttle import REFUSAL
from bot.sandbox.world.clock import WorldClock

ABORT = "sandbox.abort"
"""Key in the ASGI scope: a call that cuts the connection."""
END = "sandbox.end"
"""Key in the ASGI scope: a call that ends the connection once what was written is sent."""

CANCELLED = "Request timed out. Please try a less complex query or a smaller set of records."
"""What GraphQL says, with 503, when the database cancelled it. Source: app/controllers/graphql_controller.rb."""

_STANDING = Rate(requests=7200, seconds=3600)
"""The throttle a faked refusal speaks of."""
_HTML = "<!DOCTYPE html>\n<html><head><title>GitLab</title></head><body>GitLab is being deployed.</body></html>\n"
_TORN = '{"message":"this answer was never finish'
_SECRET_PARAMETERS = re.compile(r"(?i)((?:private_|job_|access_)?token=)[^&]*")


class FaultLayer:
    """Dates every answer by the world's clock, logs it, and applies faults. Control requests are exempt."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: WorldClock) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request through whatever fault hits it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            path = f"{path.partition('?')[0]}?{scope['query_string'].decode('latin-1')}"
        status = 0

        async def dated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"date", self._clock.http_date().encode())]
            await send(message)

        if path.startswith(CONTROL_PREFIX):
            await self._app(scope, receive, dated)
            return
        started = time.monotonic()
        latency, fault = self._faults.strike(scope["method"], path)
        try:
            if latency:
                await asyncio.sleep(latency)
            if fault is None:
                await self._app(scope, receive, dated)
            else:
                await self._faulty(fault, scope, receive, dated, path)
        finally:
            kind = fault.kind.value if fault else FaultKind.LATENCY.value if latency else None
            await self._note(scope, path, status, time.monotonic() - started, kind)

    async def _note(self, scope: Scope, path: str, status: int, seconds: float, fault: str | None) -> None:
        self._faults.log.append(
            Logged(
                id=next(self._faults.ids),
                method=scope["method"],
                path=_SECRET_PARAMETERS.sub(r"\1[REDACTED]", path),
                status=status,
                user=scope.get("sandbox.user"),
                seconds=round(seconds, 6),
                fault=fault,
                operations=scope.get("sandbox.operations", ()),
            )
        )
        counted = ("total", scope["method"], str(status), *([f"fault:{fault}"] if fault else ()))
        self._faults.counters.update(counted)
        async with self._faults.news:
            self._faults.news.notify_all()

    async def _faulty(self, fault: Fault, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """One request that a fault hits: before its effect, or after it with the answer kept back."""
        answer: list[Message] = []
        arrived: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        async def replay() -> Message:
            return arrived.pop(0) if arrived else await receive()

        async def go_on() -> None:
            if not fault.after_effect:
                await self._app(scope, replay, send)
            for message in answer:
                await send(message)

        if fault.kind is FaultKind.GRAPHQL_TIMEOUT:
            scope[TIMEOUT_KEY] = fault.fields
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
            return
        if fault.after_effect:
            await self._app(scope, receive, keep)
        else:
            # the request has arrived only when its body has
            while not arrived or arrived[-1].get("more_body"):
                arrived.append(await receive())
                if arrived[-1]["type"] == "http.disconnect":
                    return
        match fault.kind:
            case FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
                await go_on()
            case FaultKind.HOLD:
                if await self._hold(fault, scope, receive, path):
                    await go_on()
                else:
                    await _cut(scope, receive)
            case FaultKind.RESET:
                await _cut(scope, receive)
            case FaultKind.HANG:
                await _hang(fault.seconds or None, receive)
                await _cut(scope, receive)
            case FaultKind.TRUNCATED:
                await _truncate(answer, send)
                scope[END]()
                await _disconnected(receive)
            case FaultKind.EMPTY:
                await _emptied(answer)(scope, receive, send)
            case (
                FaultKind.STATUS
                | FaultKind.HTML
                | FaultKind.THROTTLED
                | FaultKind.APPLICATION_LIMIT
                | FaultKind.GRAPHQL_CANCELLED
            ):
                await self._response(fault)(scope, receive, send)
            case _:
                assert_never(fault.kind)

    def _response(self, fault: Fault) -> Response:
        """The whole answer that takes the place of the real one."""
        after = int(fault.seconds) or WINDOW_SECONDS
        headers = dict(fault.headers)
        if fault.kind is FaultKind.HTML:
            return Response(_HTML, 200, headers, media_type="text/html")
        if fault.kind is FaultKind.THROTTLED:
            now = int(self._clock.now().timestamp())
            seen = Observed(name="throttle_authenticated_api", rate=_STANDING, observed=_STANDING.requests + 1, now=now)
            return Response(REFUSAL, 429, {**seen.headers(after), **headers}, media_type="text/plain")
        if fault.kind is FaultKind.APPLICATION_LIMIT:
            return _json(429, {"message": {"error": TOO_MANY}}, {"Retry-After": str(after), **headers})
        if fault.kind is FaultKind.GRAPHQL_CANCELLED:
            return _json(503, {"errors": [{"message": CANCELLED}]}, headers)
        return Response(fault.body, fault.status, headers)

    async def _hold(self, fault: Fault, scope: Scope, receive: Receive, path: str) -> bool:
        """Wait for the release, or for the client to go. False: cut the connection, do nothing."""
        held = Held(
            id=next(self._faults.ids),
            method=scope["method"],
            path=_SECRET_PARAMETERS.sub(r"\1[REDACTED]", path),
            after_effect=fault.after_effect,
            released=asyncio.Event(),
        )
        self._faults.held[held.id] = held
        async with self._faults.news:
            self._faults.news.notify_all()
        released = asyncio.create_task(held.released.wait())
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({released, gone}, return_when=asyncio.FIRST_COMPLETED)
            return held.released.is_set() and not held.reset
        finally:
            released.cancel()
            gone.cancel()
            del self._faults.held[held.id]


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(body), status, dict(headers), media_type="application/json")


def _emptied(answer: list[Message]) -> Response:
    """The answer without its body; 200 when there was no effect."""
    return Response(b"", answer[0]["status"] if answer else 200, media_type="application/json")


async def _truncate(answer: list[Message], send: Send) -> None:
    """Promise a whole body and send a part of it."""
    body = b"".join(message.get("body", b"") for message in answer[1:]) if answer else (_TORN * 2).encode()
    length = str(len(body) + 1).encode()
    headers = answer[0].get("headers", ()) if answer else ((b"content-type", b"application/json"),)
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    status = answer[0]["status"] if answer else 200
    await send({"type": "http.response.start", "status": status, "headers": [*kept, (b"content-length", length)]})
    await send({"type": "http.response.body", "body": body[: len(body) // 2 + 1], "more_body": True})


async def _hang(seconds: float | None, receive: Receive) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _disconnected(receive)
    except TimeoutError:
        return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cut(scope: Scope, receive: Receive) -> None:
    """Cut the connection so that the client sees a reset, not an end."""
    scope[ABORT]()
    await _disconnected(receive)


def abort_hard(transport: asyncio.Transport) -> None:
    """Close with RST instead of FIN."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:  # else the client went first
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
