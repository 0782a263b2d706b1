"""Liveness and readiness, for supervisors, load balancers and whoever wants to know what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.domain.verdicts import Verdict

SCHEMA = "ropewalk.ready/1"
# The runner looks at its rows twice a second; this long without a look means that it is stuck or gone.
STALE = timedelta(seconds=60)
# The timer gives the engine an order at least once a minute.
ORDERS_STALE = timedelta(minutes=3)
POLLS_MISSED = 5
LEAST_PATIENCE = timedelta(minutes=5)  # with GitLab, however short the polls


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is known of one thing that work depends on. `stops` says that nothing is done as long as it is so."""

    verdict: Verdict
    reason: str = ""
    stops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What readiness depends on. All times are by our clock.

    `heartbeat` is the runner's last look, `ordered` when the engine last took an order, `polled` the last completed
    poll (of any process on this state, also before our start) and None if there never was one; `trouble` says in words
    of ours why the last poll of this process failed (empty: it did not). `store` looks into the state and may raise;
    `kept` is whether the daemon could write to it lately, `uploader` whether the process that uploads lives; None: not
    tried yet.
    """

    heartbeat: Callable[[], datetime | None]
    polled: Callable[[], datetime | None]
    store: Callable[[], object]
    clock: Callable[[], datetime]
    ordered: Callable[[], datetime | None] = lambda: None
    trouble: Callable[[], str] = lambda: ""
    kept: Callable[[], bool | None] = lambda: None
    uploader: Callable[[], bool | None] = lambda: None
    poll: timedelta = timedelta(seconds=60)


class OpsEndpoints:
    """`GET /livez` and `GET /readyz`."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def livez(self, request: Request) -> Response:
        """200 as long as the process answers."""
        del request
        return JSONResponse({"status": "alive"})

    def readyz(self, request: Request) -> Response:
        """What is well and what is not, each with its reason; 503 only if something stops all work."""
        del request
        checks = dict(self._checks())
        ready = not any(one.stops for one in checks.values())
        told = {
            name: {"verdict": one.verdict.value, "reason": one.reason, "stops": one.stops}
            for name, one in checks.items()
        }
        return JSONResponse({"schema": SCHEMA, "ready": ready, "checks": told}, status_code=200 if ready else 503)

    def _checks(self) -> Iterator[tuple[str, Check]]:
        yield "runner", self._runner()
        yield "engine", self._engine()
        yield "state", self._state()
        yield "gitlab", self._gitlab()
        yield "uploads", self._uploads()

    def _runner(self) -> Check:
        beat = self._health.heartbeat()
        if beat is None:
            return Check(verdict=Verdict.UNKNOWN, reason="no turn was looked for yet", stops=True)
        if self._age(beat) >= STALE:
            return Check(verdict=Verdict.FAIL, reason="no turn was looked for lately", stops=True)
        return Check(verdict=Verdict.PASS)

    def _engine(self) -> Check:
        ordered = self._health.ordered()
        if ordered is None:
            return Check(verdict=Verdict.UNKNOWN, reason="the engine was given no order yet")
        if self._age(ordered) >= ORDERS_STALE:
            return Check(verdict=Verdict.FAIL, reason="the engine has taken no order lately", stops=True)
        return Check(verdict=Verdict.PASS)

    def _state(self) -> Check:
        try:
            self._health.store()
        except Exception:  # noqa: BLE001  (whatever the database raises, the answer is that it cannot be used)
            return Check(verdict=Verdict.FAIL, reason="the state cannot be read", stops=True)
        kept = self._health.kept()
        if kept is None:
            return Check(verdict=Verdict.UNKNOWN, reason="nothing was written to the state yet")
        if not kept:
            return Check(verdict=Verdict.FAIL, reason="the state cannot be written to", stops=True)
        return Check(verdict=Verdict.PASS)

    def _gitlab(self) -> Check:
        """It stops work only before the very first poll, which says from when on tags count: hooks are taken anyway."""
        try:
            polled = self._health.polled()
        except Exception:  # noqa: BLE001  (it stands in the state, which is told of by itself)
            return Check(verdict=Verdict.UNKNOWN, reason="when GitLab was polled last cannot be read")
        trouble = self._health.trouble()
        if polled is None:
            verdict = Verdict.FAIL if trouble else Verdict.UNKNOWN
            return Check(verdict=verdict, reason=trouble or "GitLab has not been polled yet", stops=True)
        age = self._age(polled)
        if age >= max(POLLS_MISSED * self._health.poll, LEAST_PATIENCE):
            late = f"no poll was completed for {int(age.total_seconds())} s"
            return Check(verdict=Verdict.FAIL, reason=f"{late}: {trouble}" if trouble else late)
        if trouble:
            return Check(verdict=Verdict.UNKNOWN, reason=f"the last poll failed: {trouble}")
        return Check(verdict=Verdict.PASS)

    def _uploads(self) -> Check:
        alive = self._health.uploader()
        if alive is None:
            return Check(verdict=Verdict.UNKNOWN, reason="the process that uploads is started with the first upload")
        if not alive:
            return Check(verdict=Verdict.FAIL, reason="the process that uploads has died; the next upload starts it")
        return Check(verdict=Verdict.PASS)

    def _age(self, moment: datetime) -> timedelta:
        return self._health.clock() - moment
