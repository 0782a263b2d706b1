"""Rate limits under `/-/sandbox/limits`."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.control.reading import Asked, MisuseError, read_object
from bot.sandbox.control.routing import Handlers
from bot.sandbox.limits import PROFILES, THROTTLES, WINDOWS, Limits, Rate


class LimitControl:
    """What steers rate limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [
            ("limits", self._show, "GET"),
            ("limits", self._change, "PUT"),
            ("limits/counts", self._forget, "DELETE"),
        ]

    async def _show(self, request: Request) -> Response:
        """What is in force."""
        del request
        throttles = {name: asdict(rate) for name, rate in self._limits.throttles.items()}
        return JSONResponse({"application": self._limits.application, "throttles": throttles})

    async def _change(self, request: Request) -> Response:
        """`profile` replaces everything, then single limits are set; 0 and null turn one off."""
        asked = await read_object(request)
        asked.only("limits", ("profile", "application", "throttles"))
        application, throttles = _application(asked.inner("application")), _throttles(asked.inner("throttles"))
        if asked.has("profile"):
            if asked.text("profile") not in PROFILES:
                raise MisuseError(f"profile is one of {', '.join(PROFILES)}, not {asked.text('profile')!r}")
            self._limits.adopt(asked.text("profile"))
        self._limits.change(application, throttles)
        return await self._show(request)

    async def _forget(self, request: Request) -> Response:
        """Count anew."""
        del request
        self._limits.forget()
        return Response(status_code=204)


def _application(asked: Asked) -> dict[str, int]:
    asked.only("application", WINDOWS)
    return {name: asked.whole(name, 0) for name in asked.values}


def _throttles(asked: Asked) -> dict[str, Rate | None]:
    asked.only("throttles", THROTTLES)
    found: dict[str, Rate | None] = {}
    for name, value in asked.values.items():
        if value is None:
            found[name] = None
            continue
        rate = asked.inner(name)
        rate.only("a throttle", ("requests", "seconds"))
        found[name] = Rate(requests=rate.whole("requests", 0), seconds=rate.whole("seconds", 60, least=1))
    return found
