"""The GitLab client's bounds: whatever a server sends, and however slowly, ends in time and in little memory."""

import gzip
import re
import time
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.adapters.gitlab.bounds import Limits
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.domain.errors import RefusedError, TransientError
from tests.contract.hostile import CALLS, SHORT, Asked, Hostile, api, error_of, hostile, reply
from tests.contract.sandbox_org import organisation


def dripping(server: Hostile, kind: str) -> Iterator[bytes]:
    """An answer that is never silent for long and never comes to its end."""
    head = b"HTTP/1.1 200 OK\r\n"
    if kind == "headers":
        return server.drip(head + b"X-Slow: " + b"a" * 10_000, 0.05)
    if kind == "body":
        return server.drip(head + b"Content-Length: 100000\r\n\r\n" + b" " * 10_000, 0.02)
    return server.drip(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 10_000, 0.02)


@pytest.mark.parametrize("kind", ["headers", "body", "chunks"])
@pytest.mark.parametrize("download", [False, True])
def test_a_dripping_answer_ends_at_the_deadline(kind: str, download: bool, tmp_path: Path) -> None:
    """A byte now and then keeps no thread: the whole answer has one deadline, in headers, body and chunks."""
    box: list[Hostile] = []
    with hostile(lambda _: dripping(box[0], kind)) as server:
        box.append(server)
        began = time.monotonic()
        call = (lambda one: GitLabPipelines(one, tmp_path).artifacts(1, 1)) if download else CALLS[0]
        error = error_of(call, api(server.url, SHORT))
        took = time.monotonic() - began
    assert isinstance(error, TransientError)
    assert error.what == "no answer in time"
    assert took < 4 * SHORT.answer
    assert list(tmp_path.iterdir()) == []


def test_silence_is_transient() -> None:
    """No byte for as long as we wait for one."""
    box: list[Hostile] = []

    def silent(_: Asked) -> bytes:
        box[0].over.wait(10)
        return b""

    with hostile(silent) as server:
        box.append(server)
        began = time.monotonic()
        error = error_of(CALLS[0], api(server.url, SHORT))
        assert time.monotonic() - began < 3
    assert error.what == "no answer in time"


def test_the_next_request_on_a_connection_has_a_time_of_its_own() -> None:
    """What one answer took of its deadline is not taken from the next one on the same, kept-alive connection."""
    with organisation() as org:
        one = api(org.url, Limits(silence=2.0, answer=2.0), token=org.tokens["maintainer"])
        fault = {"kind": "latency", "path": "/version", "seconds": 0.7, "times": None}
        org.control("POST", "faults", json=fault)
        for _ in range(4):
            assert one.get("/version") is not None


def test_a_huge_answer_is_refused_at_the_limit() -> None:
    """We stop reading at the limit; memory does not follow what is sent."""

    def flood(_: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        yield from [b" " * 1_000_000] * 1000

    with hostile(flood) as server:
        tracemalloc.start()
        error = error_of(CALLS[0], api(server.url, SHORT))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(error, RefusedError)
    assert "larger than" in error.what
    assert peak < 16 * SHORT.answer_bytes


@cache
def flat() -> bytes:
    """300 MB of nothing, packed once."""
    return gzip.compress(bytes(300_000_000), 1)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_compressed_bomb_is_refused_at_the_limit(layers: int) -> None:
    """What counts is the unpacked size, and unpacking stops there: 300 MB in a few hundred KB cost neither."""
    bomb = flat()
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb, 1)
    with hostile(lambda _: reply(200, bomb, Content_Encoding=", ".join(["gzip"] * layers))) as server:
        one = api(server.url, SHORT)
        tracemalloc.start()
        began = time.monotonic()
        error = error_of(CALLS[0], one)
        took = time.monotonic() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(error, RefusedError)
    assert took < 3
    assert peak < 16 * SHORT.answer_bytes


def test_pages_without_end_are_refused() -> None:
    """`next` in a circle ends when it comes round, `next` for ever at the limit of pages."""

    def circle(_: Asked) -> bytes:
        return reply(200, [1], Link='<http://x/api/v4/projects?page=2>; rel="next"')

    def endless(asked: Asked) -> bytes:
        page = int(re.search(r"[?&]page=(\d+)", f"{asked.target}&page=1").group(1))  # type: ignore[union-attr]
        return reply(200, [page], Link=f'<http://x/?page={page + 1}>; rel="next"')

    for answer, most in ((circle, 3), (endless, SHORT.pages)):
        with hostile(answer) as server:
            error = error_of(CALLS[1], api(server.url, SHORT))
        assert isinstance(error, RefusedError)
        assert "no end" in error.what
        assert len(server.asked) <= most


def test_the_next_page_is_asked_of_our_host_and_path() -> None:
    """A `Link` to another host, or to another path, changes the query only."""
    with hostile(lambda _: reply(200, [])) as other:
        first = True

        def answer(_: Asked) -> bytes:
            nonlocal first
            link = f'<{other.url}/api/v4/user?cursor=abc&per_page=100>; rel="next"' if first else ""
            first = False
            return reply(200, [1], Link=link)

        with hostile(answer) as server:
            assert list(api(server.url).pages("/projects")) == [1, 1]
    assert other.asked == []
    assert [one.target.partition("?")[0] for one in server.asked] == ["/api/v4/projects"] * 2
    assert "cursor=abc" in server.asked[1].target


@pytest.mark.parametrize("link", ["<http://[bad?page=2>; rel=next", "<>; rel=next", "<http://h/>; rel=next"])
def test_a_next_page_that_cannot_be_found_is_no_end(link: str) -> None:
    """A list whose `Link` cannot be read must not pass for a whole one: tags beyond it would count as deleted."""
    with hostile(lambda _: reply(200, [1], Link=link)) as server:
        assert isinstance(error_of(CALLS[1], api(server.url)), TransientError)


@pytest.mark.parametrize("link", [";;,,<", "<http://h/?page=1>; rel=prev", "\xff<\xfe>", ""])
def test_a_list_without_next_ends(link: str) -> None:
    """Other or meaningless links name no next page."""
    with hostile(lambda _: reply(200, [1], Link=link)) as server:
        assert list(api(server.url).pages("/projects")) == [1]
