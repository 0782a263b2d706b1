"""The sandbox's control API: faults, held requests, the log, where it may listen."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from bot.sandbox.server import AddressError, bind
from tests.contract.sandbox_org import WAIT, Org, organisation


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def fault(org: Org, **asked: object) -> None:
    answer = org.control("POST", "faults", json=asked)
    assert answer.status_code == 201, answer.text


def tag(org: Org, name: str) -> httpx.Response:
    return org.call("POST", "/projects/1/repository/tags", json={"tag_name": name, "ref": "main"})


def test_the_control_api_wants_its_token(org: Org) -> None:
    assert httpx.get(f"{org.url}/-/sandbox/state", trust_env=False, verify=False).status_code == 401
    state = org.control("GET", "state").json()
    assert state["url"] == org.url and state["admin_token"] == org.tokens["admin"]


def test_a_status_fault_hits_as_often_as_told_and_leaves_no_effect(org: Org) -> None:
    fault(org, kind="status", method="POST", path="/repository/tags", status=502, times=1)
    assert tag(org, "v1").status_code == 502
    assert org.project.git.tag("v1") is None
    assert tag(org, "v1").status_code == 201


def test_a_reset_after_the_effect_loses_only_the_answer(org: Org) -> None:
    fault(org, kind="reset", path="/repository/tags", after_effect=True, skip=1)
    assert tag(org, "v1").status_code == 201
    with pytest.raises(httpx.TransportError):
        tag(org, "v2")
    assert org.project.git.tag("v2") is not None


def test_a_reset_before_the_effect_leaves_nothing(org: Org) -> None:
    fault(org, kind="reset", path="/repository/tags")
    with pytest.raises(httpx.TransportError):
        tag(org, "v1")
    assert org.project.git.tag("v1") is None


def test_latency_delays_one_request_and_no_other(org: Org) -> None:
    fault(org, kind="latency", path="/user$", seconds=0.5)
    slow = threading.Thread(target=lambda: org.call("GET", "/user"))
    slow.start()
    assert org.call("GET", "/metadata").status_code == 200
    slow.join()
    rows = {row["path"]: row["seconds"] for row in org.control("GET", "requests?path=/api/v4/(user|metadata)").json()}
    assert rows["/api/v4/user"] >= 0.5 > rows["/api/v4/metadata"]


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_held_request_waits_for_its_release(org: Org, after_effect: bool) -> None:
    fault(org, kind="hold", path="/repository/tags", method="POST", after_effect=after_effect)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(tag(org, "v1").status_code))
    waiting.start()
    (held,) = org.control("GET", f"held?wait={WAIT}").json()
    assert (held["method"], held["path"]) == ("POST", "/api/v4/projects/1/repository/tags")
    assert (org.project.git.tag("v1") is not None) is after_effect
    assert org.control("POST", f"held/{held['id']}/release").status_code == 204
    waiting.join()
    assert answers == [201] and org.project.git.tag("v1") is not None
    assert org.control("GET", "held").json() == []


def test_a_client_that_dies_while_held_leaves_nothing(org: Org) -> None:
    fault(org, kind="hold", path="/repository/tags")
    address = httpx.URL(org.url)
    body = b'{"tag_name": "v1", "ref": "main"}'
    head = (
        f"POST /api/v4/projects/1/repository/tags HTTP/1.1\r\nHost: {address.host}\r\n"
        f"PRIVATE-TOKEN: {org.tokens['maintainer']}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((str(address.host), address.port or 80))
    client.sendall(head.encode() + body)
    assert len(org.control("GET", f"held?wait={WAIT}").json()) == 1
    client.close()
    rows = org.control("GET", f"requests?path=repository/tags&wait={WAIT}").json()
    assert rows[0]["status"] == 0 and org.project.git.tag("v1") is None


def test_the_log_names_requests_and_hides_tokens_in_them(org: Org) -> None:
    org.control("DELETE", "requests")
    org.call("GET", f"/user?private_token={org.tokens['maintainer']}", None)
    org.call("GET", "/nothing")
    rows = org.control("GET", "requests").json()
    assert [(row["method"], row["path"], row["status"], row["user"]) for row in rows] == [
        ("GET", "/api/v4/user?private_token=[REDACTED]", 200, "maintainer"),
        ("GET", "/api/v4/nothing", 404, None),
    ]
    assert org.control("GET", "counters").json() == {"total": 2, "GET": 2, "200": 1, "404": 1}


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "explode"},
        {"kind": "reset", "path": "("},
        {"kind": "reset", "typo": 1},
        {"kind": "status", "times": "x"},
    ],
)
def test_misuse_gets_a_sentence(org: Org, asked: dict[str, object]) -> None:
    answer = org.control("POST", "faults", json=asked)
    assert answer.status_code == 400 and len(answer.json()["error"]) > 20


def test_only_loopback_and_only_a_free_port(org: Org) -> None:
    with pytest.raises(AddressError, match="loopback only"):
        bind("0.0.0.0", 0)
    port = httpx.URL(org.url).port or 0
    with pytest.raises(AddressError, match=f"port {port} on 127.0.0.1 is in use"):
        bind("127.0.0.1", port)
