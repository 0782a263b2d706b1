"""Faults on demand and the request log: the outermost layer of the sandbox."""

import asyncio
import re
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG_LIMIT = 100_000
"""Requests remembered; older ones are forgotten, the counters are not."""

CONTROL_PREFIX = "/-/sandbox/"
ABORT = "sandbox.abort"
"""Key in the ASGI scope: a call that cuts the connection."""

_SECRET_PARAMETERS = re.compile(r"(?i)((?:private_|job_|access_)?token=)[^&]*")


class FaultKind(StrEnum):
    """What a fault does to a request."""

    LATENCY = "latency"
    STATUS = "status"
    RESET = "reset"
    HOLD = "hold"


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """A fault for requests whose method and path match; the path includes the query.

    `skip` requests pass first, then `times` are hit (None: all). With `after_effect` the request is carried out and
    only its answer is lost or delayed.
    """

    id: int
    kind: FaultKind
    path: re.Pattern[str]
    method: str | None = None
    after_effect: bool = False
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hits: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.times == 0 or (self.method and self.method != method) or not self.path.search(path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """A request that waits for its release. `reset` cuts the connection instead of going on."""

    id: int
    method: str
    path: str
    after_effect: bool
    released: asyncio.Event
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One finished request. `status` 0: the client or a fault cut the connection. `seconds` includes faults."""

    id: int
    method: str
    path: str
    status: int
    user: str | None
    seconds: float
    fault: str | None


class Faults:
    """Faults in force, held requests, the log. Touched only from the server's loop."""

    def __init__(self) -> None:
        self.active: dict[int, Fault] = {}
        self.held: dict[int, Held] = {}
        self.log: deque[Logged] = deque(maxlen=LOG_LIMIT)
        self.counters: Counter[str] = Counter()
        self.news = asyncio.Condition()
        self.ids = count(1)

    def strike(self, method: str, path: str) -> Fault | None:
        """The first fault that hits the request."""
        return next((fault for fault in list(self.active.values()) if fault.strikes(method, path)), None)

    def reset_log(self) -> None:
        """Forget requests and counters."""
        self.log.clear()
        self.counters.clear()


class FaultLayer:
    """Dates every answer by the world's clock, logs it, and applies faults. Control requests are exempt."""

    def __init__(self, app: ASGIApp, faults: Faults, http_date: Callable[[], str]) -> None:
        self._app = app
        self._faults = faults
        self._http_date = http_date

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
                message["headers"] = [*message.get("headers", ()), (b"date", self._http_date().encode())]
            await send(message)

        if path.startswith(CONTROL_PREFIX):
            await self._app(scope, receive, dated)
            return
        started = time.monotonic()
        fault = self._faults.strike(scope["method"], path)
        try:
            if fault is None:
                await self._app(scope, receive, dated)
            else:
                await self._faulty(fault, scope, receive, dated, path)
        finally:
            await self._note(scope, path, status, time.monotonic() - started, fault)

    async def _note(self, scope: Scope, path: str, status: int, seconds: float, fault: Fault | None) -> None:
        self._faults.log.append(
            Logged(
                id=next(self._faults.ids),
                method=scope["method"],
                path=_SECRET_PARAMETERS.sub(r"\1[REDACTED]", path),
                status=status,
                user=scope.get("sandbox.user"),
                seconds=round(seconds, 6),
                fault=fault.kind.value if fault else None,
            )
        )
        self._faults.counters["total"] += 1
        self._faults.counters[scope["method"]] += 1
        self._faults.counters[str(status)] += 1
        async with self._faults.news:
            self._faults.news.notify_all()

    async def _faulty(self, fault: Fault, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        arrived: list[Message] = []
        if fault.after_effect:
            await self._app(scope, receive, keep)
        elif fault.kind in (FaultKind.HOLD, FaultKind.STATUS, FaultKind.RESET):
            # the request has arrived only when its body has
            while not arrived or arrived[-1].get("more_body"):
                arrived.append(await receive())
                if arrived[-1]["type"] == "http.disconnect":
                    return

        async def replay() -> Message:
            return arrived.pop(0) if arrived else await receive()

        if fault.kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
        elif fault.kind is FaultKind.STATUS:
            response = Response(fault.body, fault.status, fault.headers)
            await response(scope, receive, send)
            return
        elif fault.kind is FaultKind.RESET or not await self._hold(fault, scope, receive, path):
            await _cut(scope, receive)
            return
        if fault.after_effect:
            for message in answer:
                await send(message)
        else:
            await self._app(scope, replay, send)

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
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
