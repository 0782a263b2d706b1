"""A server that answers everything in one odd way: an index that is down, closed, or no index at all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import serving

EMPTY_PAGE = b"<!DOCTYPE html><html><head><title>Links for it</title></head><body><h1>Links for it</h1></body></html>"


@dataclass(slots=True, kw_only=True)
class Odd:
    """What it answers to GET and to POST, and what it was asked. `{password}` in a body is what the client sent."""

    url: str
    status: int = 200
    body: bytes = EMPTY_PAGE
    content_type: str = "text/html"
    upload_status: int = 200
    upload_body: bytes = b""
    asked: list[str] = field(default_factory=list)


@contextmanager
def odd_index(**answers: object) -> Iterator[Odd]:
    """An odd index for the length of the block; keywords are fields of Odd."""
    odd = Odd(url="", **answers)  # type: ignore[arg-type]  # Odd checks the names

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(odd.status, odd.body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(odd.upload_status, odd.upload_body)

        def _answer(self, status: int, body: bytes) -> None:
            odd.asked.append(f"{self.command} {self.path}")
            kind, _, word = self.headers.get("Authorization", "").partition(" ")
            password = base64.b64decode(word).partition(b":")[2] if kind == "Basic" else word.encode()
            body = body.replace(b"{password}", password).replace(b"{basic}", word.encode())
            self.send_response(status)
            self.send_header("Content-Type", odd.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    odd.url = f"http://127.0.0.1:{server.server_port}/"
    with serving(server):
        yield odd
