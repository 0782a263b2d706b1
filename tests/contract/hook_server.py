"""The daemon's listener as it runs in earnest, on a free port, with an intake that only notes what it is given."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from bot.domain.secrets import Secret
from bot.web.hooks import DEADLINE, Delivery, Intake, Taken
from bot.web.ops import Health
from bot.web.server import application, listen

KEY = b"k" * 32
SIGNING = "whsec_" + base64.b64encode(KEY).decode()
NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)  # GitLab's clock, years from ours
BODY = json.dumps({"object_kind": "tag_push", "ref": "refs/tags/v1"}).encode()


class StateError(Exception):
    """What a database that is gone raises."""


@dataclass
class Daemon:
    """The listener and what reached its intake."""

    port: int
    taken: list[dict[str, object]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    polls: int = 0
    broken: bool = False
    beat: datetime | None = NOW
    polled: datetime | None = NOW

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, payload: dict[str, object]) -> Taken:
        self.look()
        self.taken.append(payload)
        return Taken("taken")

    def remember(self, deliveries: Sequence[Delivery]) -> list[bool]:
        return [self.digests.setdefault(one.id, one.digest) == one.digest for one in deliveries]

    def poll(self) -> None:
        self.polls += 1

    def look(self) -> None:
        if self.broken:
            raise StateError("database is locked: /secret/path")

    def post(self, body: bytes | Iterator[bytes], headers: Mapping[str, str]) -> httpx.Response:
        return httpx.post(
            f"{self.url}/hooks/gitlab", content=body, headers=headers, trust_env=False, verify=False, timeout=20
        )

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, verify=False, timeout=20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def signature(body: bytes, delivery: str, stamp: str, key: bytes = KEY) -> str:
    """`v1,<base64>` as GitLab makes it, made here from the specification and not from our code."""
    made = hmac.new(key, b".".join([delivery.encode(), stamp.encode(), body]), hashlib.sha256)
    return "v1," + base64.b64encode(made.digest()).decode()


def signed(body: bytes, *, delivery: str = "d1", at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    """The headers of a signed delivery."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(body, delivery, stamp, key),
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def daemon(secret: str | None = SIGNING, *, deadline: float = DEADLINE) -> Iterator[Daemon]:
    """Listen for the length of the block."""
    made = Daemon(free_port())
    intake = Intake(
        secret=None if secret is None else Secret(secret),
        take=made.take,
        remember=made.remember,
        poll_now=made.poll,
        gitlab_now=lambda: NOW,
        stored=made.lags.append,
    )
    health = Health(
        heartbeat=lambda: made.beat,
        polled=lambda: made.polled,
        store=made.look,
        kept=lambda: True,
        clock=lambda: NOW + timedelta(seconds=1),
    )
    app = application(intake, health, deadline)
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun = threading.Event()

    async def run() -> None:
        stop = asyncio.Event()
        ends.append((asyncio.get_running_loop(), stop))
        begun.set()
        await listen(app, "127.0.0.1", made.port, stop, deadline)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        assert begun.wait(10)
        _await_listening(made.port)
        yield made
    finally:
        loop, stop = ends[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _await_listening(port: int) -> None:
    pause = threading.Event()
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            pause.wait(0.02)
        else:
            return
    raise AssertionError("the daemon does not listen")
