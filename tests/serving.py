"""Servers of the standard library that end at once.

Their own `serve_forever` looks twice a second whether it should end, and whoever asks it to end waits for that look.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[None]:
    """Serve from a thread for the length of the block."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                request, address = server.get_request()
            except OSError:
                continue  # the block is over, or a client had gone before it was served
            try:
                server.process_request(request, address)
            except Exception:  # noqa: BLE001  # as in the library: what one raises is no matter of the others
                server.handle_error(request, address)
                server.shutdown_request(request)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a connection
        thread.join()
        server.server_close()
