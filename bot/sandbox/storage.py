"""Object storage beside the embedded GitLab: where downloads are redirected to when the world has it switched on.

It knows signed URLs only. A request that brings a credential of its own is refused, as S3 refuses it: so a client that
carries its GitLab token across hosts is found out. `leaked` remembers the names of such headers, never their values.
"""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from bot.sandbox.answers import Json
from bot.sandbox.world.world import World

_SECRETS = ("authorization", "private-token", "job-token", "deploy-token", "cookie")
_TWO_WAYS = "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>"
_DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_CHUNK = 1 << 20


class ObjectStorage:
    """Files below `root` by signed URL, on a loopback port of its own."""

    def __init__(self, root: Path, secret: str) -> None:
        self.leaked: list[str] = []
        self._root, self._secret = root.resolve(), secret.encode()
        storage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                storage._answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="object-storage", daemon=True)

    def start(self) -> None:
        """Serve from a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _signature(self, key: str) -> str:
        return hmac.new(self._secret, key.encode(), hashlib.sha256).hexdigest()

    def signed_url(self, path: Path, name: str) -> str:
        """Where the file can be fetched without a credential; it is offered under `name`."""
        key = path.resolve().relative_to(self._root).as_posix()
        disposition = quote(f'attachment; filename="{name}"')
        return (
            f"{self.url}/{quote(key)}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600"
            f"&X-Amz-Signature={self._signature(key)}&response-content-disposition={disposition}"
        )

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        query = parse_qs(url.query)
        key = url.path.lstrip("/")
        brought = [name for name in _SECRETS if name in request.headers]
        self.leaked += brought
        path = self._root / key
        if brought:
            self._refuse(request, 400, _TWO_WAYS)
        elif not hmac.compare_digest(query.get("X-Amz-Signature", [""])[0], self._signature(key)):
            self._refuse(request, 403, _DENIED)
        elif not path.is_file():
            self._refuse(request, 404, "<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._send(request, path, query.get("response-content-disposition", ["attachment"])[0])

    @staticmethod
    def _refuse(request: BaseHTTPRequestHandler, status: int, text: str) -> None:
        request.send_response(status)
        request.send_header("Content-Type", "application/xml")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, path: Path, disposition: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", str(path.stat().st_size))
        request.send_header("Content-Disposition", disposition)
        request.end_headers()
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                request.wfile.write(chunk)


class StorageSwitch:
    """Turns object storage on and off while the world is served. Thread safe."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._storage: ObjectStorage | None = None

    def on(self) -> None:
        """From now on downloads are redirected."""
        with self._lock:
            if self._storage is None:
                self._storage = ObjectStorage(self._world.data, self._world.secret())
                self._storage.start()
                self._world.storage_url = self._storage.signed_url

    def off(self) -> None:
        """Downloads come from the instance itself again."""
        with self._lock:
            if self._storage is not None:
                self._world.storage_url = None
                self._storage.stop()
                self._storage = None

    def state(self) -> Json:
        """Whether it is on, where, and which credentials were carried to it."""
        one = self._storage
        return {"enabled": one is not None, "url": one and one.url, "leaked": one.leaked if one else []}


@contextmanager
def object_storage(world: World) -> Iterator[ObjectStorage]:
    """Downloads of the world's artifacts and packages are redirected to a storage for the length of the block."""
    storage = ObjectStorage(world.data, world.secret())
    storage.start()
    world.storage_url = storage.signed_url
    try:
        yield storage
    finally:
        world.storage_url = None
        storage.stop()
