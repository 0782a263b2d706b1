"""Parts the index tests are made of: small distributions, a scripted HTTP server, a real pypiserver."""

from __future__ import annotations

import gzip
import hashlib
import io
import socket
import ssl
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from pypiserver import app as pypiserver_app

from bot.adapters.index.children import Children
from bot.adapters.index.limits import Patience
from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import Distribution, DistributionKind, Metadata
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.secrets import Redactor, Secret
from tests.serving import serving

TOKEN = "glpat-0123456789abcdefghij"
PASSWORD = "correct horse/battery"
QUICK = Patience(connect=2, silence=1, upload=4, look=4, download=6, check=20, lock=0.4)


def wheel_bytes(
    name: str = "widget",
    version: str = "1.0",
    *,
    description: str = "A widget.\n",
    content_type: str = "text/markdown",
) -> bytes:
    """A small honest wheel."""
    info = f"{name}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: s\n"
        f"Description-Content-Type: {content_type}\n\n{description}"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {
            f"{name}/__init__.py": "x = 1\n",
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return out.getvalue()


def sdist_bytes(name: str = "widget", version: str = "1.0") -> bytes:
    """A small honest sdist."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, text in {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            "Description-Content-Type: text/markdown\n\nA widget.\n",
            "pyproject.toml": "",
        }.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), mtime=0)


def artifacts(folder: Path, files: dict[str, bytes], name: str = "artifacts.zip") -> Path:
    """A job's artifact archive."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return path


def make_adapter(state: Path, children: Children, **more: Any) -> IndexAdapter:
    """An adapter with short patience."""
    settings: dict[str, Any] = {
        "gitlab_url": "http://127.0.0.1:9",
        "gitlab_token": Secret(TOKEN),
        "redactor": Redactor([Secret(TOKEN), Secret(PASSWORD)]),
        "patience": QUICK,
    }
    return IndexAdapter(state_dir=state, children=children, **(settings | more))


def keep(
    adapter: IndexAdapter, folder: Path, data: bytes, filename: str = "widget-1.0-py3-none-any.whl"
) -> Distribution:
    """Put one distribution into the adapter's keeping, as a job's artifact."""
    zip_file = artifacts(folder, {f"dist/{filename}": data}, "one.zip")
    gathered = adapter.gather([(7, "build", zip_file)])
    assert gathered.problems == ()
    (distribution,) = gathered.files
    return distribution


def bare_distribution(filename: str, data: bytes) -> Distribution:
    """A distribution nobody kept."""
    return Distribution(
        filename=filename,
        kind=DistributionKind.WHEEL,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        metadata=Metadata(name="widget", version="1.0"),
        origin="job 7 (build)",
    )


def simple_spec(root: str, *, username: str | None = "robot", password: str | None = PASSWORD) -> IndexSpec:
    """An index of kind `simple` below a server's root URL."""
    return IndexSpec(
        name="inhouse",
        kind=IndexKind.SIMPLE,
        upload_url=f"{root}/",
        simple_url=f"{root}/simple",
        username=username,
        password=None if password is None else Secret(password),
    )


@dataclass(slots=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Scripted:
    """An HTTP server that answers with exactly the bytes it is given, one answer per connection.

    `answer` gets the request and the connection; it writes what it likes. With `eager` it is called before the
    body is read; with `tls` it speaks TLS.
    """

    answer: Callable[[Request, socket.socket], None]
    eager: bool = False
    requests: list[Request] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None
    url: str = ""

    @contextmanager
    def running(self) -> Iterator[Scripted]:
        """Listen on a free port of loopback."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                return
        with connection, connection.makefile("rb") as reader:
            try:
                method, path, _ = reader.readline().decode().split(" ", 2)
                headers: dict[str, str] = {}
                while line := reader.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                self.arrived.set()
                body = b"" if self.eager else reader.read(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body)
                self.requests.append(request)
                self.answer(request, connection)
            except (OSError, ValueError):
                return


def says(text: str, body: str | bytes = "", **headers: str) -> Callable[[Request, socket.socket], None]:
    """An answer with a status line, headers (`_` for `-`) and a body."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {text}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(data)}", "Connection: close", "", ""])
    return lambda _, connection: connection.sendall(head.encode() + data)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def pypiserver(folder: Path, *, hash_algo: str = "sha256") -> Iterator[str]:
    """A real pypiserver over `folder` that wants `robot` and PASSWORD for everything; gives its root URL."""
    application = pypiserver_app(
        roots=[folder],
        authenticate=["update", "list", "download"],
        auther=lambda user, password: (user, password) == ("robot", PASSWORD),
        password_file=".",
        disable_fallback=True,
        hash_algo=hash_algo,
    )
    server = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
