"""Rack::Attack in front of the application: a request too many is refused before anything looks at it.

Source: lib/gitlab/rack_attack.rb, lib/gitlab/rack_attack/request.rb.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.answers import RefusalError
from bot.sandbox.auth import identify, identify_basic

if TYPE_CHECKING:
    from bot.sandbox.limits import Observed
    from bot.sandbox.world.world import World

_PACKAGES = re.compile(r"/api/v4/(?:projects/[^/]+/|groups/[^/]+/(?:-/)?)?packages(?:/|$)")
_FILES = re.compile(r"/api/v4/projects/[^/]+/repository/files/.+")
_HEALTH = ("/-/readiness", "/-/liveness", "/-/health")
REFUSAL = "Retry later\n"


def throttle_name(raw_path: str, *, authenticated: bool) -> str | None:
    """Which throttle counts the request; None for health checks. The path is still encoded, without query."""
    if raw_path.startswith(_HEALTH):
        return None
    kind = "api" if raw_path.startswith("/api") else "web"
    if _PACKAGES.match(raw_path):
        kind = "packages_api"
    elif _FILES.match(raw_path):
        kind = "files_api"
    return f"throttle_{'authenticated' if authenticated else 'unauthenticated'}_{kind}"


class ThrottleLayer:
    """Refuses what is too much with 429 `Retry later`; else passes on and adds the throttle's headers."""

    def __init__(self, app: ASGIApp, world: "World") -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        seen = self._observe(scope) if self._world.limits.throttles and scope["type"] == "http" else None
        if seen is None:
            await self._app(scope, receive, send)
            return
        shown = seen.headers()
        if seen.exceeded:
            await Response(REFUSAL, 429, shown, media_type="text/plain")(scope, receive, send)
            return
        added = [(name.lower().encode(), value.encode()) for name, value in shown.items()]

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, marked)

    def _observe(self, scope: Scope) -> "Observed | None":
        path = scope["raw_path"].decode("latin-1").partition("?")[0]
        who = self._requester(scope)
        name = throttle_name(path, authenticated=who is not None)
        return None if name is None else self._world.limits.observe(name, who or "127.0.0.1")

    def _requester(self, scope: Scope) -> str | None:
        """Who is counted: a user, a deploy token, or nobody (then the address is)."""
        headers = Headers(scope=scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        basic = headers.get("authorization", "")
        try:
            if basic.lower().startswith("basic "):
                found = identify_basic(self._world, basic)
            else:
                found = identify(self._world, headers, query, job_token=True, deploy_token=True)
        except RefusalError:
            return None
        if found.user is not None:
            return f"user:{found.user.id}"
        return None if found.token is None else f"deploy_token:{found.token.id}"
