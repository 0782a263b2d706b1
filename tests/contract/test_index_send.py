"""Sending: real twine against a real index, and against one that answers everything else."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.locks import UploadLocks
from bot.adapters.index.service import IndexAdapter
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import AttemptOutcome
from bot.domain.secrets import Secret
from bot.ports.index import Sent
from tests.contract.index_parts import (
    PASSWORD,
    TOKEN,
    Request,
    Scripted,
    bare_distribution,
    keep,
    make_adapter,
    pypiserver,
    says,
    sdist_bytes,
    simple_spec,
    wheel_bytes,
)

ACCEPTED, REFUSED, UNCLEAR = AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED, AttemptOutcome.UNCLEAR
DENIED = AttemptOutcome.DENIED


def send_to(adapter: IndexAdapter, folder: Path, server: Scripted) -> Sent:
    distribution = keep(adapter, folder, wheel_bytes())
    return adapter.send(adapter.place(simple_spec(server.url), 1, "widget"), distribution)


@pytest.mark.slow
def test_a_file_sent_stands_byte_for_byte_on_the_index_and_is_still_kept(adapter: IndexAdapter, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    files = {"widget-1.0-py3-none-any.whl": wheel_bytes(), "widget-1.0.tar.gz": sdist_bytes()}
    with pypiserver(packages) as root:
        place = adapter.place(simple_spec(root), 1, "widget")
        assert adapter.files(place, "widget") == ()
        for filename, data in files.items():
            distribution = keep(adapter, tmp_path, data, filename)
            sent = adapter.send(place, distribution)
            assert (sent.outcome, sent.again) == (ACCEPTED, False)
            assert (packages / filename).read_bytes() == data
            assert adapter.has(distribution.sha256)
        listed = {file.filename: file.sha256 for file in adapter.files(place, "Widget")}
    assert listed == {filename: hashlib.sha256(data).hexdigest() for filename, data in files.items()}


def test_a_real_index_refuses_the_same_file_name_and_wrong_credentials(adapter: IndexAdapter, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    distribution = keep(adapter, tmp_path, wheel_bytes())
    with pypiserver(packages) as root:
        place = adapter.place(simple_spec(root), 1, "widget")
        stranger = adapter.place(simple_spec(root, password="something else"), 1, "widget")
        sent = adapter.send(stranger, distribution)
        assert (sent.outcome, sent.again, sent.reason[:3]) == (DENIED, False, "403")
        assert adapter.send(place, distribution).outcome is ACCEPTED
        sent = adapter.send(place, distribution)
    assert (sent.outcome, sent.again) == (REFUSED, False)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_refused_credentials_name_the_index_its_url_and_the_settings(
    adapter: IndexAdapter, tmp_path: Path, status: str
) -> None:
    with Scripted(says(status, "no\x1b[31m way")).running() as server:
        sent = send_to(adapter, tmp_path, server)
    assert (sent.outcome, sent.again) == (DENIED, False)
    assert sent.reason == (
        f"{status}: no[31m way: {server.url}/ refuses the credentials of indexes.inhouse. "
        "Mend username and password_file or password_env of indexes.inhouse, or what they may do there"
    )


def hang(_: Request, connection: socket.socket) -> None:
    connection.recv(1)  # returns when the client gives up


def reset(_: Request, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def cut(_: Request, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def drip(_: Request, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    connection.settimeout(0.3)
    while True:
        try:
            connection.recv(1)
            return
        except TimeoutError:
            connection.sendall(b"X-Drip: 1\r\n")


GITLAB_TAKEN = '{"message":"400 Bad request - Validation failed: File name has already been taken"}'
ANSWERS: list[tuple[str, Callable[[Request, socket.socket], None], Sent]] = [
    ("200", says("200 OK"), Sent(outcome=ACCEPTED, reason="200 OK", again=False)),
    (
        "201",
        says("201 Created", '{"message":"201 Created"}'),
        Sent(outcome=ACCEPTED, reason="201 Created", again=False),
    ),
    ("202", says("202 Accepted"), Sent(outcome=UNCLEAR, reason="202 Accepted")),
    ("204", says("204 No Content"), Sent(outcome=UNCLEAR, reason="204 No Content")),
    ("207", says("207 Multi"), Sent(outcome=UNCLEAR, reason="207 Multi")),
    (
        "web page",
        says("200 OK", "\n<!DOCTYPE html><html>Sign in</html>"),
        Sent(outcome=UNCLEAR, reason="200, but with a web page: something else than the index answered"),
    ),
    ("300", says("300 Choices"), Sent(outcome=UNCLEAR, reason="300 Choices")),
    *(
        (
            str(status),
            says(f"{status} Go", Location="http://127.0.0.1:1/else"),
            Sent(
                outcome=UNCLEAR,
                reason=f"{status}: the index sends uploads on to http://127.0.0.1:1/else, which twine refuses",
                again=status in (302, 303, 307),
            ),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    ("304", says("304 Not Modified"), Sent(outcome=UNCLEAR, reason="304 Not Modified")),
    ("400", says("400 File already exists."), Sent(outcome=REFUSED, reason="400 File already exists.", again=False)),
    (
        "400 of GitLab",
        says("400 Bad Request", GITLAB_TAKEN),
        Sent(
            outcome=REFUSED,
            reason="400 Bad Request: 400 Bad request - Validation failed: File name has already been taken",
            again=False,
        ),
    ),
    ("404", says("404 Not Found", "<html>x</html>"), Sent(outcome=REFUSED, reason="404 Not Found", again=False)),
    ("408", says("408 Slow"), Sent(outcome=REFUSED, reason="408 Slow")),
    ("409", says("409 Conflict"), Sent(outcome=REFUSED, reason="409 Conflict", again=False)),
    ("413", says("413 Too Large"), Sent(outcome=REFUSED, reason="413 Too Large", again=False)),
    (
        "422",
        says("422 No", '{"message":{"name":["bad"]}}'),
        Sent(outcome=REFUSED, reason='422 No: {"name": ["bad"]}', again=False),
    ),
    ("425", says("425 Early"), Sent(outcome=REFUSED, reason="425 Early")),
    ("429", says("429 Slow down", Retry_After="17"), Sent(outcome=REFUSED, reason="429 Slow down", retry_after=17.0)),
    ("500", says("500 Oops"), Sent(outcome=UNCLEAR, reason="500 Oops")),
    ("502", says("502 Bad"), Sent(outcome=UNCLEAR, reason="502 Bad")),
    ("503", says("503 Busy", Retry_After="3.5"), Sent(outcome=UNCLEAR, reason="503 Busy", retry_after=3.5)),
    ("700", says("700 What"), Sent(outcome=UNCLEAR, reason="700 What")),
    ("no reason", says("500 "), Sent(outcome=UNCLEAR, reason="500")),
    ("reset", reset, Sent(outcome=UNCLEAR, reason="the connection failed: Connection reset by peer")),
    ("cut", cut, Sent(outcome=UNCLEAR, reason="the connection failed: closed without an answer")),
    ("nothing", lambda _, c: None, Sent(outcome=UNCLEAR, reason="the connection failed: closed without an answer")),
    (
        "garbage",
        lambda _, c: c.sendall(b"220 ready\r\n"),
        Sent(outcome=UNCLEAR, reason="the connection failed: closed without an answer"),
    ),
    ("silence", hang, Sent(outcome=UNCLEAR, reason="no answer in time")),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_each_outcome_is_classified_and_one_request_is_sent(
    answer: Callable[[Request, socket.socket], None], expected: Sent, adapter: IndexAdapter, tmp_path: Path
) -> None:
    with Scripted(answer).running() as server:
        assert send_to(adapter, tmp_path, server) == expected
        assert len(server.requests) == 1


@pytest.mark.slow
def test_an_answer_that_never_ends_is_killed_at_the_deadline(adapter: IndexAdapter, tmp_path: Path) -> None:
    with Scripted(drip).running() as server:
        sent = send_to(adapter, tmp_path, server)
    assert sent == Sent(outcome=UNCLEAR, reason="no end within the time allowed")


def test_an_index_that_cannot_be_reached_is_unclear_and_may_be_tried_again(
    adapter: IndexAdapter, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    distribution = keep(adapter, tmp_path, wheel_bytes())
    sent = adapter.send(adapter.place(simple_spec(url), 1, "widget"), distribution)
    assert sent == Sent(outcome=UNCLEAR, reason="the connection failed: Connection refused")


def test_a_secret_the_index_echoes_is_not_in_the_reason(adapter: IndexAdapter, tmp_path: Path) -> None:
    def echo(request: Request, connection: socket.socket) -> None:
        says(f"400 {TOKEN}", f"you sent {request.headers['authorization']} {PASSWORD} gl\x00pat-aaaaaaaaaaaaaaaaaaaa")(
            request, connection
        )

    with Scripted(echo).running() as server:
        reason = send_to(adapter, tmp_path, server).reason
    assert reason.startswith("400 [hidden]: you sent Basic ")
    assert not any(part in reason for part in (TOKEN, PASSWORD, "aaaaaaaa", "Y29ycmVjdCBob3JzZ"))


def test_a_huge_answer_costs_neither_time_nor_memory(adapter: IndexAdapter, tmp_path: Path) -> None:
    def flood(_: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with Scripted(flood).running() as server:
        sent = send_to(adapter, tmp_path, server)
    assert sent.outcome is REFUSED
    assert len(sent.reason) == 300


def test_nothing_is_sent_when_the_kept_bytes_are_gone_or_changed(adapter: IndexAdapter, tmp_path: Path) -> None:
    with Scripted(says("200 OK")).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        absent = adapter.send(place, bare_distribution("widget-1.0-py3-none-any.whl", b"never kept"))
        distribution = keep(adapter, tmp_path, wheel_bytes())
        kept = next((tmp_path / "state").rglob("widget-1.0-py3-none-any.whl"))
        kept.chmod(0o600)
        kept.write_bytes(wheel_bytes(description="Another widget.\n"))
        changed = adapter.send(place, distribution)
        assert server.requests == []
    assert (absent.outcome, absent.again) == (REFUSED, False)
    assert changed == Sent(
        outcome=REFUSED, reason="the kept bytes of widget-1.0-py3-none-any.whl are not what was checked", again=False
    )
    assert not adapter.has(distribution.sha256)


def test_a_second_upload_of_a_name_waits_and_then_gives_way(adapter: IndexAdapter, tmp_path: Path) -> None:
    with Scripted(says("200 OK")).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        path = UploadLocks(tmp_path / "state" / "locks").path(place.upload_url, "widget")
        with path.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            sent = adapter.send(place, keep(adapter, tmp_path, wheel_bytes()))
            assert server.requests == []
        assert sent == Sent(outcome=UNCLEAR, reason="another upload of widget to this index is still under way")
        assert adapter.send(place, keep(adapter, tmp_path, wheel_bytes())).outcome is ACCEPTED


def test_gitlab_gets_the_bots_token_and_each_request_is_counted(tmp_path: Path, children: Children) -> None:
    counted: list[str] = []
    with Scripted(says("201 Created")).running() as server:
        adapter = make_adapter(tmp_path / "state", children, gitlab_url=server.url, on_request=counted.append)
        place = adapter.place(IndexSpec(name="registry", kind=IndexKind.GITLAB), 42, "widget")
        assert adapter.send(place, keep(adapter, tmp_path, wheel_bytes())).outcome is ACCEPTED
        other = IndexSpec(name="registry", kind=IndexKind.GITLAB, username="deploy", password=Secret("gldt-12345678"))
        adapter.send(adapter.place(other, 42, "widget"), keep(adapter, tmp_path, wheel_bytes()))
        first, second = server.requests
    assert first.path == "/api/v4/projects/42/packages/pypi"
    assert first.headers["authorization"] == "Basic cm9wZXdhbGs6Z2xwYXQtMDEyMzQ1Njc4OWFiY2RlZmdoaWo="
    assert second.headers["authorization"] == "Basic ZGVwbG95OmdsZHQtMTIzNDU2Nzg="
    assert b'name="sha256_digest"' in first.body
    assert counted == ["upload", "upload"]


def test_the_proxy_of_the_config_is_used_and_that_of_the_environment_is_not(
    tmp_path: Path, adapter: IndexAdapter
) -> None:
    assert not [name for name in os.environ if name.lower() == "no_proxy" and "127.0.0.1" in os.environ[name]]
    with Scripted(says("200 OK")).running() as proxy:
        spec = IndexSpec(
            name="far",
            kind=IndexKind.SIMPLE,
            upload_url="http://index.invalid/upload/",
            simple_url="http://index.invalid/simple/",
            proxy=proxy.url,
        )
        sent = adapter.send(adapter.place(spec, 1, "widget"), keep(adapter, tmp_path, wheel_bytes()))
        (request,) = proxy.requests
    assert sent.outcome is ACCEPTED
    assert request.path == "http://index.invalid/upload/"
    assert "authorization" not in request.headers
