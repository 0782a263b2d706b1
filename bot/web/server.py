"""The daemon's HTTP listener: hooks in, health and metrics out."""

from __future__ import annotations

import asyncio
import math

from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.routing import Route

from bot.web.hooks import DEADLINE, HookEndpoint, Intake
from bot.web.metrics import Metrics
from bot.web.ops import Health, OpsEndpoints

MOST_HEADERS = 32 * 1024


def application(
    intake: Intake, health: Health, deadline: float = DEADLINE, metrics: Metrics | None = None
) -> Starlette:
    """The routes. `deadline` is how long a hook's body may take, in seconds."""
    ops = OpsEndpoints(health)
    shown = [] if metrics is None else [Route("/metrics", metrics.endpoint)]
    return Starlette(
        routes=[
            Route("/hooks/gitlab", HookEndpoint(intake, deadline).__call__, methods=["POST"]),
            Route("/livez", ops.livez),
            Route("/readyz", ops.readyz),
            *shown,
        ]
    )


async def listen(app: Starlette, host: str, port: int, stop: asyncio.Event, deadline: float = DEADLINE) -> None:
    """Serve until `stop` is set; a connection silent for `deadline` seconds is closed.

    Headers have the server's five seconds in all. Raises: OSError if the address cannot be bound.
    """
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.h11_max_incomplete_size = MOST_HEADERS
    config.h2_max_header_list_size = MOST_HEADERS  # the server also speaks HTTP/2 to who begins so
    config.read_timeout = math.ceil(deadline)
    config.graceful_timeout = 3
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False

    async def until() -> None:
        await stop.wait()

    await serve(app, config, shutdown_trigger=until)  # type: ignore[arg-type]  # Starlette is an ASGI3 framework
