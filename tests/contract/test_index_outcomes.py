"""A hundred ways an index may answer an upload, over the wire and through real twine: none is a false success."""

from __future__ import annotations

import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.limits import Patience
from bot.domain.releases import AttemptOutcome
from bot.ports.index import Sent
from tests.contract.index_parts import Request, Scripted, keep, make_adapter, says, simple_spec, wheel_bytes

ACCEPTED, REFUSED, UNCLEAR = AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED, AttemptOutcome.UNCLEAR
DENIED = AttemptOutcome.DENIED
Answer = Callable[[Request, socket.socket], None]
LEAST = 100
PATIENT = Patience(connect=5, silence=2, upload=20, look=10, check=30, lock=30)
WEB_PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"
BODIES = [
    "",
    "plain words",
    '{"message": "said"}',
    '{"error": {"a": ["b"]}}',
    "[1, 2]",
    "nul",
    "\x00\x1b[31m",
    "x" * 9000,
]


@dataclass(frozen=True, slots=True)
class Case:
    """One answer and what it means: the outcome, and whether another try may work."""

    name: str
    answer: Answer
    outcome: AttemptOutcome
    again: bool


def cases() -> list[Case]:
    """Every status that is or might be, with bodies and headers drawn by a fixed seed, and every broken connection."""
    draw = random.Random(7)
    found: list[Case] = []
    statuses = [*(one.value for one in HTTPStatus if one >= 200), 299, 399, 420, 444, 499, 520, 529, 599, 600, 700, 999]
    for status in statuses:
        if status in (200, 201):
            continue
        body = draw.choice([*BODIES, WEB_PAGE])
        headers = {"Retry_After": draw.choice(["1", "soon", "-3", "9" * 30])} if draw.random() < 0.3 else {}
        if 300 <= status < 400 and draw.random() < 0.5:
            headers["Location"] = draw.choice(["/", "http://127.0.0.1:1/", "https://index.invalid/legacy/", "::"])
        found.append(Case(str(status), says(f"{status} Said", body, **headers), *_means(status)))
    for status in (200, 201):
        found += [Case(f"{status} {n}", says(f"{status} Said", body), ACCEPTED, False) for n, body in enumerate(BODIES)]
        found += [
            Case(f"{status} page {n}", says(f"{status} Said", blank + WEB_PAGE), UNCLEAR, True)
            for n, blank in enumerate(["", "\n\n ", "\ufeff", "\t"])
        ]
    return found + [Case(name, answer, UNCLEAR, True) for name, answer in BROKEN.items()]


def _means(status: int) -> tuple[AttemptOutcome, bool]:
    """Written out apart from the code under test: who refuses for good, who for now, and what leaves it open."""
    if status in (401, 403):
        return DENIED, False
    if status in (408, 425, 429):
        return REFUSED, True
    if 400 <= status <= 499:
        return REFUSED, status == 425
    return UNCLEAR, status not in (301, 308)


def _reset(_: Request, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


BROKEN: dict[str, Answer] = {
    "reset": _reset,
    "closed": lambda _, c: None,
    "cut head": lambda _, c: c.sendall(b"HTTP/1.1 200 O"),
    "cut headers": lambda _, c: c.sendall(b"HTTP/1.1 201 Created\r\nContent-Le"),
    "cut body": lambda _, c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok"),
    "cut chunk": lambda _, c: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "bad chunk": lambda _, c: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"),
    "bad gzip": lambda _, c: c.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"
    ),
    "another protocol": lambda _, c: c.sendall(b"220 smtp ready\r\n"),
    "no headers": lambda _, c: c.sendall(b"HTTP/1.1 201 Created\r\n\r\n"),
    "no status": lambda _, c: c.sendall(b"HTTP/1.1\r\n\r\n"),
    "words for a status": lambda _, c: c.sendall(b"HTTP/1.1 OK 200\r\n\r\n"),
    "endless headers": lambda _, c: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500),
}


@pytest.mark.slow
def test_a_hundred_outcomes_are_classified_right_and_none_is_a_false_success(
    tmp_path: Path, children: Children, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request each, whatever comes back; only 200 and 201 that are no web page count as acceptance."""
    told = cases()
    adapter = make_adapter(tmp_path / "state", children, patience=PATIENT)
    distribution = keep(adapter, tmp_path, wheel_bytes())

    def outcome(case: Case) -> tuple[Sent, int]:
        with Scripted(case.answer).running() as server:
            sent = adapter.send(adapter.place(simple_spec(server.url), 1, "widget"), distribution)
            return sent, len(server.requests)

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(outcome, told))

    wrong = [
        (case.name, sent, requests)
        for case, (sent, requests) in zip(told, ended, strict=True)
        if (sent.outcome, sent.again, requests) != (case.outcome, case.again, 1)
    ]
    false = [name for name, sent, _ in wrong if sent.outcome is ACCEPTED]
    with capsys.disabled():
        kinds = ", ".join(f"{count} {kind.value}" for kind, count in Counter(case.outcome for case in told).items())
        print(f"\nindex outcomes: {len(told)} ({kinds}), {len(wrong)} classified wrong, {len(false)} false successes")
    assert len(told) >= LEAST
    assert wrong == []
    assert all(len(sent.reason.splitlines()) <= 1 and sent.reason.isprintable() for sent, _ in ended)
