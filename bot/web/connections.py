"""What a connection may take: bytes of headers, seconds for them, seconds for the whole request.

uvicorn sets no such limits: a thousand clients that send a byte now and then would hold a thousand connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEADERS = 32 * 1024  # bytes, request line included
HEADERS_WITHIN = 5.0  # seconds
MARGIN = 1.0  # seconds after the endpoint's own deadline, so that it can say why
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """One client. Whatever is late or too long ends the connection."""

    whole_within = 10.0  # seconds for a request; see `bounded`

    def __init__(self, *given: Any, **named: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._head: int | None = 0  # bytes of headers so far; None while a body arrives
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """A client that says nothing is sent away as one that says little."""
        super().connection_made(transport)
        self._within(HEADERS_WITHIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece, and refuse headers that go on and on."""
        if self._refused:
            return
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > MOST_HEADERS:
            self._refuse()

    def on_message_begin(self) -> None:
        """The first byte of a request, which may be the second one of the connection."""
        super().on_message_begin()
        self._within(HEADERS_WITHIN)

    def on_headers_complete(self) -> None:
        """The endpoint begins; its body has until the endpoint's deadline."""
        self._head = None
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEADERS:
            self._refuse()
        if not self._refused:
            self._within(self.whole_within + MARGIN)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of it."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All there; what follows is another request."""
        self._head = 0
        if not self._refused:
            self._within(None)
            super().on_message_complete()

    def _refuse(self) -> None:
        if not self._refused and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()
        self._refused = True

    def _within(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        self.transport.abort()


def bounded(whole_within: float) -> type[BoundedConnection]:
    """Connections whose requests may take so many seconds."""
    return type("BoundedConnection", (BoundedConnection,), {"whole_within": whole_within})
