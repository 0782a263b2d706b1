"""Faults on demand and the request log: what is kept. `fault_layer` applies it."""

import asyncio
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from bot.sandbox.draw import Draw

LOG_LIMIT = 100_000
"""Requests remembered; older ones are forgotten, the counters are not."""

CONTROL_PREFIX = "/-/sandbox/"
WINDOW_SECONDS = 60
"""`Retry-After` of the faked rate limits when the fault names no seconds."""


class FaultKind(StrEnum):
    """What a fault does to a request."""

    LATENCY = "latency"
    STATUS = "status"
    THROTTLED = "throttled"
    APPLICATION_LIMIT = "application_limit"
    RESET = "reset"
    HANG = "hang"
    HOLD = "hold"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    HTML = "html"
    GRAPHQL_TIMEOUT = "graphql_timeout"
    GRAPHQL_CANCELLED = "graphql_cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault for those requests of a method and path that `draw` chooses; the path includes the query.

    With `after_effect` the request is carried out and only its answer is lost, delayed or spoilt. `seconds`: how long a
    latency or hang lasts (a hang of 0 has no end), or when to retry after a rate limit. `fields` are the `Type.field`
    names, as a pattern, on which a GraphQL query times out.
    """

    id: int
    kind: FaultKind
    path: re.Pattern[str]
    draw: Draw
    method: str | None = None
    after_effect: bool = False
    seconds: float = 0.0
    status: int = 503
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: str = r"Query\..*"

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        return self.method in (None, method) and self.path.search(path) is not None and self.draw.hit()


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
    """One finished request. `status` 0: the client or a fault cut the connection. `seconds` includes faults.

    `operations` are the kinds of what a GraphQL request asked for (`query`, `mutation`, or `invalid`).
    """

    id: int
    method: str
    path: str
    status: int
    user: str | None
    seconds: float
    fault: str | None
    operations: tuple[str, ...] = ()


class Faults:
    """Faults in force, held requests, the log. Touched only from the server's loop.

    `latency_seconds` is added to every request but the control API's; `seed` is that of faults that name none.
    """

    def __init__(self, *, seed: int = 0, latency_seconds: float = 0.0) -> None:
        self.seed = seed
        self.latency_seconds = latency_seconds
        self.active: dict[int, Fault] = {}
        self.held: dict[int, Held] = {}
        self.log: deque[Logged] = deque(maxlen=LOG_LIMIT)
        self.counters: Counter[str] = Counter()
        self.news = asyncio.Condition()
        self.ids = count(1)

    def strike(self, method: str, path: str) -> tuple[float, Fault | None]:
        """Seconds of latency that were not to wait for the effect, and the first other fault that hits the request.

        Latencies add up; of the other faults only the first one that hits is counted.
        """
        seconds, found = self.latency_seconds, None
        for fault in list(self.active.values()):
            adds = fault.kind is FaultKind.LATENCY and not fault.after_effect
            if (adds or found is None) and fault.strikes(method, path):
                if adds:
                    seconds += fault.seconds
                else:
                    found = fault
        return seconds, found

    def reset_log(self) -> None:
        """Forget requests and counters."""
        self.log.clear()
        self.counters.clear()
