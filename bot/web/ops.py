"""Liveness and readiness, for supervisors and load balancers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# The runner looks at its rows twice a second; this long without a look means that it is stuck or gone.
STALE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What readiness depends on: the runner's last look, the last poll, and a look at the state that may raise."""

    heartbeat: Callable[[], datetime | None]
    polled: Callable[[], datetime | None]
    store: Callable[[], object]
    clock: Callable[[], datetime]


class OpsEndpoints:
    """`GET /livez` and `GET /readyz`."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def livez(self, request: Request) -> Response:
        """200 as long as the process answers."""
        del request
        return JSONResponse({"status": "alive"})

    def readyz(self, request: Request) -> Response:
        """200 when turns run, the state can be used and GitLab was polled at least once; else 503 and which is not."""
        del request
        checks = {"runner": self._runner(), "state": self._state(), "poll": self._poll()}
        ready = all(value == "ok" for value in checks.values())
        return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)

    def _runner(self) -> str:
        beat = self._health.heartbeat()
        fresh = beat is not None and self._health.clock() - beat < STALE
        return "ok" if fresh else "no turn was looked for lately"

    def _state(self) -> str:
        try:
            self._health.store()
        except Exception:  # noqa: BLE001  (whatever the database raises, the answer is that it cannot be used)
            return "the state cannot be read"
        return "ok"

    def _poll(self) -> str:
        return "ok" if self._health.polled() is not None else "GitLab has not been polled yet"
