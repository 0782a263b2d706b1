"""A cable between a client and a server on this machine, which a test can cut, block and mend."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Cable:
    """Connections to `port` reach `server_port`. A blocked one takes all that is sent, and hands nothing on."""

    server_port: int
    port: int = 0
    _through: threading.Event = field(default_factory=threading.Event)
    _whole: bool = True
    _ends: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut(self) -> None:
        """Break all connections, and take no new ones."""
        with self._lock:
            self._whole = False
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._ends.clear()

    def block(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self._through.clear()

    def mend(self) -> None:
        """All is well again."""
        with self._lock:
            self._whole = True
        self._through.set()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._whole:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port))
                except OSError:
                    client.close()
                    continue
                self._ends += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._through.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable_to(server_port: int) -> Iterator[Cable]:
    """One that is whole."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        cable = Cable(server_port=server_port, port=int(listener.getsockname()[1]))
        cable.mend()
        threading.Thread(target=cable._serve, args=(listener,), daemon=True).start()
        yield cable
        listener.shutdown(socket.SHUT_RDWR)
        cable.cut()
        cable.mend()
