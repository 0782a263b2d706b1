"""The daemon's HTTP listener: hooks in, health and metrics out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.web.aside import aside
from bot.web.connections import bounded
from bot.web.hooks import DEADLINE, HookEndpoint, Intake
from bot.web.metrics import Metrics
from bot.web.ops import Health, OpsEndpoints

BACKLOG = 1024
AT_ONCE = 4  # answers to probes, and to scrapers
GRACE = 3  # seconds for requests under way when the daemon stops


def application(
    intake: Intake, health: Health, deadline: float = DEADLINE, metrics: Metrics | None = None
) -> Starlette:
    """The routes. `deadline` is how long a hook's body may take, in seconds.

    Health and metrics wait for nobody's pages: those share the default threads of the process.
    """
    ops = OpsEndpoints(health)
    shown = [] if metrics is None else [Route("/metrics", aside(metrics.endpoint, AT_ONCE))]
    return Starlette(
        routes=[
            Route("/hooks/gitlab", HookEndpoint(intake, deadline), methods=["POST"]),
            Route("/livez", ops.livez),
            Route("/readyz", aside(ops.readyz, AT_ONCE)),
            *shown,
        ]
    )


async def listen(app: ASGIApp, host: str, port: int, stop: asyncio.Event, deadline: float = DEADLINE) -> None:
    """Serve until `stop` is set; a request that takes longer than `deadline` seconds ends its connection.

    Raises: OSError if the address cannot be bound.
    """
    with listening_socket(host, port) as listening:
        config = uvicorn.Config(
            app,
            http=bounded(deadline),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        await serving


def listening_socket(host: str, port: int) -> socket.socket:
    """A TCP socket that listens, whose connections send at once. Raises: OSError if the address cannot be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # asyncio does so only where a socket names its protocol: else the body of an answer waits 40 ms for the head's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield
