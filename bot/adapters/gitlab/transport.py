"""HTTP sessions that follow nothing, and connections with a deadline for a whole answer, headers and body together.

The timeout of requests is one per read of the socket, and whoever asks for 64 KiB waits until they are there: an answer
that drips a byte a second would hold its thread for hours.
"""

from __future__ import annotations

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class PlainSession(Session):
    """A session that takes nothing from the environment and leaves redirects to us.

    Even when it is told not to follow them, requests reads their body whole and fails on a `Location` that is no text.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.trust_env = False
        for scheme in ("http://", "https://"):
            self.mount(scheme, DeadlineAdapter(deadline))

    def get_redirect_target(self, resp: Response) -> None:
        """Nowhere."""
        del resp


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter; an answer that is not complete `deadline` seconds after the request ends in a time-out."""

    def __init__(self, deadline: float) -> None:
        self._pools = _pools(deadline)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        """Connections through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(deadline: float) -> dict[str, type[HTTPConnectionPool]]:
    answer = partial(_Answer, deadline=deadline)

    class Plain(HTTPConnection):
        response_class = answer  # type: ignore[assignment]  # http.client only calls it

    class Tls(HTTPSConnection):
        response_class = answer  # type: ignore[assignment]  # http.client only calls it

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class _Answer(HTTPResponse):
    """http.client's response, which is made when the request has been sent."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        # Nothing is read yet, so the buffer can be exchanged.
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock, time.monotonic() + deadline))


class _Bounded(io.RawIOBase):
    """A socket's file that gives up at a moment of the monotonic clock."""

    def __init__(self, inner: io.RawIOBase, connection: socket.socket, until: float) -> None:
        self._inner = inner
        self._connection = connection
        self._until = until

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """One read of the socket. Raises: TimeoutError."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        usual = self._connection.gettimeout()
        self._connection.settimeout(left if usual is None else min(usual, left))
        try:
            return self._inner.readinto(buffer)
        finally:
            if self._connection.fileno() >= 0:
                self._connection.settimeout(usual)  # the next request on this connection has a time of its own

    def close(self) -> None:
        """Close the socket's file with this one."""
        if not self.closed:
            self._inner.close()
        super().close()
