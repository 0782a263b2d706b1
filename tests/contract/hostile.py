"""A server on loopback that answers each request with whatever bytes a test wants, and remembers what came."""

import json
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from bot.adapters.gitlab.bounds import LIMITS, Limits
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.client import Api
from bot.adapters.meter import Meter
from bot.domain.errors import RefusedError, TransientError
from bot.domain.secrets import Redactor, Secret
from bot.ports.spans import UNHEARD, Spans
from tests.serving import serving

TOKEN = "NeverToBeSeenElsewhere-42"  # of no known shape: only who knows it can hide it


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def credentials(self) -> bool:
        """Whether anything in it would open GitLab."""
        return TOKEN.encode() in self.body or any(TOKEN in f"{name} {value}" for name, value in self.headers.items())


class Cut(Exception):  # noqa: N818  # an order, not an error
    """Raised by an answer: reset the connection."""


Pieces = bytes | Iterator[bytes]
Answer = Callable[[Asked], Pieces]


@dataclass
class Hostile:
    """`url` of the server, all that it was asked, and a stop for answers that would go on for ever."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def drip(self, data: bytes, seconds: float) -> Iterator[bytes]:
        """`data`, a byte at a time."""
        for one in data:
            yield bytes([one])
            if self.over.wait(seconds):
                return


def reply(status: int, body: bytes | str | object = b"", **headers: str) -> bytes:
    """An answer; a body that is neither bytes nor text becomes JSON. `Retry_After` is written `Retry-After`."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {"Content-Length": str(len(data)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1") + data


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        words = self.rfile.readline().decode("latin-1").split()
        if len(words) != 3:
            return
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0")))
        asked = Asked(words[0], words[1], headers, body)
        self.server.hostile.asked.append(asked)
        try:
            said = self.server.answer(asked)
            for piece in [said] if isinstance(said, bytes) else said:
                self.wfile.write(piece)
                self.wfile.flush()
        except Cut:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            return  # the client has had enough, which is what many tests are about


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.hostile = Hostile(url=f"http://127.0.0.1:{self.server_address[1]}")

    def shutdown_request(self, request: object) -> None:
        """A connection that was reset is closed already."""
        if isinstance(request, socket.socket) and request.fileno() >= 0:
            super().shutdown_request(request)


@contextmanager
def hostile(answer: Answer) -> Iterator[Hostile]:
    """Serve for the length of the block."""
    server = _Server(answer)
    with serving(server):
        try:
            yield server.hostile
        finally:
            server.hostile.over.set()


def api(
    url: str, limits: Limits = LIMITS, token: str = TOKEN, budget: Budget | None = None, spans: Spans = UNHEARD
) -> Api:
    """Our client for that address."""
    secret = Secret(token)
    return Api(
        url=url, token=secret, redactor=Redactor([secret]), meter=Meter(), limits=limits, budget=budget, spans=spans
    )


SHORT = Limits(silence=0.4, answer=0.8, download=0.8, answer_bytes=1024 * 1024, download_bytes=1024 * 1024, pages=20)
PATIENT = replace(SHORT, silence=10.0, answer=20.0)  # where what is tried is no waiting: a busy machine takes its time
Call = Callable[[Api], object]
CALLS: tuple[Call, ...] = (
    lambda one: one.get("/version"),
    lambda one: list(one.pages("/projects")),
    lambda one: one.send("post", "/projects/1/releases", {"name": "x"}),
    lambda one: one.graphql("{ x }", {}),
)


def error_of(call: Call, one: Api) -> TransientError | RefusedError:
    """The error that a call ends in; it is one sentence, without the token or a library's words."""
    with pytest.raises((TransientError, RefusedError)) as caught:
        call(one)
    assert isinstance(caught.value, (TransientError, RefusedError))
    text = str(caught.value)
    assert TOKEN not in text
    assert "\n" not in text
    assert not re.search(r"HTTPConnection|urllib3|requests\.|Traceback|object at 0x", text)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value
