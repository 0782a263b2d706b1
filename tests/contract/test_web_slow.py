"""Clients that hold connections: each is closed in time, whatever it does, and none disturbs an honest one."""

import resource
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from tests.bounds import FULL
from tests.contract.hook_server import BODY, Daemon, daemon, signed

DEADLINE = 2.0
HEADERS = 5.0  # the server's own time for complete headers
MARGIN = 3.0
HEAD = "POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"


@pytest.fixture(scope="module")
def slow() -> Iterator[Daemon]:
    with daemon(deadline=DEADLINE) as made:
        yield made


def closed_after(connections: list[socket.socket], drip: bytes, every: float, most: float) -> tuple[float, bytes]:
    """Send `drip` on each connection now and then until all are closed; seconds until then, and what they were told."""
    began = time.monotonic()
    said = b""
    with selectors.DefaultSelector() as chosen:
        for one in connections:
            one.setblocking(False)
            chosen.register(one, selectors.EVENT_READ)
        while chosen.get_map() and time.monotonic() - began < most:
            for key, _ in chosen.select(every):
                one = connections[connections.index(key.fileobj)]  # type: ignore[arg-type]  # we registered sockets
                try:
                    data = one.recv(65_536)
                except ConnectionResetError:
                    data = b""
                said += data
                if not data:
                    chosen.unregister(one)
            for key in list(chosen.get_map().values()):
                try:
                    connections[connections.index(key.fileobj)].send(drip)  # type: ignore[arg-type]  # as above
                except OSError:
                    chosen.unregister(key.fileobj)
        left = len(chosen.get_map())
    for one in connections:
        one.close()
    assert left == 0, f"{left} connections are still open"
    return time.monotonic() - began, said


# As many as one process can hold both ends of, where it may raise its limit.
CONNECTIONS = 1_000 if FULL else 300


@pytest.fixture(scope="module", autouse=True)
def descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize(
    ("begin", "drip", "limit", "status"),
    [
        ("", b"", HEADERS, b""),
        ("POST /hooks", b"x", HEADERS, b""),
        (HEAD, b"X-A: b\r\n", HEADERS, b""),
        (HEAD + "\r\n", b"", DEADLINE, b""),
        (HEAD + "\r\n", b"x", DEADLINE, b" 408 "),
        (
            "POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
            DEADLINE,
            b" 408 ",
        ),
    ],
)
def test_hundreds_of_slow_connections_are_closed_in_time(
    slow: Daemon, begin: str, drip: bytes, limit: float, status: bytes
) -> None:
    """Silence, dripping headers, a silent or dripping body: all closed, and an honest hook is served. 1,000 in full."""
    connections = []
    for _ in range(CONNECTIONS):
        one = slow.connect()
        one.sendall(begin.encode())
        connections.append(one)
    assert slow.post(BODY, signed(BODY)).status_code == 202
    took, said = closed_after(connections, drip, 0.3, limit + 2 * MARGIN)
    assert took < limit + MARGIN
    assert status in said
    assert slow.get("/livez").status_code == 200


@pytest.mark.parametrize("line", ["X-Flood: {n:08}\r\n", "X-{n:08}: a\r\n"])
def test_a_flood_of_headers_is_refused(slow: Daemon, line: str) -> None:
    """Headers beyond 32 KiB end the connection; nothing reaches the endpoint."""
    before = len(slow.taken)
    with slow.connect() as one:
        try:
            one.sendall(b"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\n")
            for number in range(200_000):
                one.sendall(line.format(n=number).encode())
            sent = True
        except OSError:
            sent = False
        try:
            said = one.recv(4096)
        except OSError:
            said = b""
    assert not sent
    assert said == b"" or said.split()[1] in (b"400", b"431")
    assert len(slow.taken) == before


@pytest.mark.parametrize(("size", "status"), [(30 * 1024, b"202"), (33 * 1024, b"431")])
def test_headers_that_come_in_one_piece_have_the_same_limit(slow: Daemon, size: int, status: bytes) -> None:
    """However they arrive: just below 32 KiB they are read, above the request is refused, its body with it."""
    before = len(slow.taken)
    delivery = f"in one piece {size}"
    lines = [f"{name}: {value}" for name, value in signed(BODY, delivery=delivery).items()]
    head = f"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n" + "\r\n".join(lines)
    with slow.connect() as one:
        one.sendall(f"{head}\r\nX-Fill: {'f' * size}\r\n\r\n".encode() + BODY)
        assert one.recv(4096).split()[1] == status
    assert len(slow.taken) == before + (status == b"202")


def test_a_client_that_leaves_in_the_middle_is_forgotten(slow: Daemon) -> None:
    """Half a body and gone: nothing stored, the next one served."""
    before = len(slow.taken)
    for _ in range(20):
        with slow.connect() as one:
            one.sendall((HEAD + "\r\nhalf").encode())
    assert slow.post(BODY, signed(BODY)).status_code == 202
    assert len(slow.taken) == before + 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"POST /hooks/gitlab HTTP/1.1\r\nContent-Length: -1\r\nHost: x\r\n\r\n",
        b"POST /hooks/gitlab HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\n"
        b"Connection: close\r\n\r\n0\r\n\r\n",
        b"POST /hooks/gitlab HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\nHost: x\r\n\r\nhello!",
        b"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + b"\xff" * 100,
        b"GET /hooks/gitlab HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_end_the_connection(slow: Daemon, request_bytes: bytes) -> None:
    """TLS, nonsense, smuggled lengths, HTTP/2 and websockets: refused, and the listener goes on."""
    before = len(slow.taken)
    with slow.connect() as one:
        one.sendall(request_bytes)
        one.shutdown(socket.SHUT_WR)
        said = b""
        try:
            while data := one.recv(65_536):
                said += data
        except ConnectionResetError:
            said += b""
    assert b" 202 " not in said
    assert b" 500 " not in said
    assert len(slow.taken) == before
    assert slow.get("/livez").status_code == 200
