"""The PyPI-like index beside the embedded GitLab: a real pypiserver, with switches for what tests must see happen."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

USERNAME = "__token__"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name the base class gives it
        """Requests are not printed."""


@dataclass(slots=True)
class _Switches:
    """Uploads count from 1 since the start. `fail` maps an upload's number to the status it gets."""

    fail: dict[int, int] = field(default_factory=dict)
    hold: bool = False
    held: int = 0
    uploads: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


class PackageIndex:
    """An index on loopback: `__token__` and `token` may upload, everybody may download, nothing is overwritten.

    Simple pages carry sha256. An absent name is a 404, never a redirect.
    """

    def __init__(self, data: Path, token: str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.username = USERNAME
        self.token = token
        self._switches = _Switches()
        self._storing = threading.Lock()
        self._app: WSGIApplication = pypiserver.app(
            roots=[data],
            authenticate=["update"],
            auther=lambda name, secret: name == USERNAME and compare_digest(secret, token),
            overwrite=False,
            hash_algo="sha256",
            disable_fallback=True,
        )
        self._server = make_server(host, port, self._serve, server_class=_Server, handler_class=_Quiet)
        self.url = f"http://{host}:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="index", daemon=True)

    @property
    def upload_url(self) -> str:
        """Where twine uploads."""
        return self.url

    @property
    def simple_url(self) -> str:
        """Where pip looks."""
        return f"{self.url}simple/"

    def start(self) -> None:
        """Serve from a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is held fails."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def files(self) -> list[str]:
        """Names of the stored files."""
        return sorted(path.name for path in self.data.iterdir() if path.is_file())

    def uploads(self) -> int:
        """How many uploads have arrived."""
        return self._switches.uploads

    def fail_upload(self, status: int, *, after: int = 1) -> None:
        """The upload that comes as number `after` from now is answered with `status`; nothing is stored."""
        with self._switches.changed:
            self._switches.fail[self._switches.uploads + after] = status

    def hold_uploads(self) -> None:
        """From now on uploads wait, before anything is stored, until `release`."""
        with self._switches.changed:
            self._switches.hold = True

    def release(self) -> None:
        """Let held uploads go on, and later ones pass."""
        with self._switches.changed:
            self._switches.hold = False
            self._switches.changed.notify_all()

    def wait_held(self, seconds: float) -> bool:
        """Whether an upload was held within that time."""
        with self._switches.changed:
            return self._switches.changed.wait_for(lambda: self._switches.held > 0, timeout=seconds)

    def _serve(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        with self._switches.changed:
            self._switches.uploads += 1
            status = self._switches.fail.pop(self._switches.uploads, None)
            if self._switches.hold:
                self._switches.held += 1
                self._switches.changed.notify_all()
                self._switches.changed.wait_for(lambda: not self._switches.hold)
                self._switches.held -= 1
        if status is not None:
            self._drain(environ)
            start_response(f"{status} Failed on request", [("Content-Type", "text/plain")])
            return [b"this upload was told to fail\n"]
        # pypiserver looks for the name before it writes it: one upload at a time keeps "no overwrite" true
        with self._storing:
            return self._app(environ, start_response)

    @staticmethod
    def _drain(environ: "WSGIEnvironment") -> None:
        read: Callable[[int], bytes] = environ["wsgi.input"].read
        left = int(environ.get("CONTENT_LENGTH") or 0)
        while left > 0 and (chunk := read(min(left, 1 << 16))):
            left -= len(chunk)


@contextmanager
def running_index(data: Path, token: str, *, port: int = 0) -> Iterator[PackageIndex]:
    """An index serving for the length of the block."""
    index = PackageIndex(data, token, port=port)
    index.start()
    try:
        yield index
    finally:
        index.stop()
