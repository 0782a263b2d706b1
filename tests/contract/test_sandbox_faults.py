"""Faults on demand: each kind, before and after the effect, chosen by count or by seeded chance."""

import re
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from bot.sandbox.draw import Draw
from tests.contract.sandbox_org import WAIT, Org, organisation

TAGS = "/projects/1/repository/tags"


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def fault(org: Org, **asked: object) -> None:
    answer = org.control("POST", "faults", json={"path": "/repository/tags", "method": "POST", **asked})
    assert answer.status_code == 201, answer.text


def tag(org: Org, name: str = "v1") -> httpx.Response:
    return org.call("POST", TAGS, json={"tag_name": name, "ref": "main"})


both_sides = pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])


def happened(org: Org) -> bool:
    return org.project.git.tag("v1") is not None


@both_sides
def test_the_first_kind_of_429(org: Org, after_effect: bool) -> None:
    """GitLab: lib/gitlab/rack_attack.rb."""
    fault(org, kind="throttled", seconds=7, after_effect=after_effect)
    answer = tag(org)
    assert (answer.status_code, answer.text) == (429, "Retry later\n")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert (answer.headers["Retry-After"], answer.headers["RateLimit-Remaining"]) == ("7", "0")
    assert happened(org) is after_effect


@both_sides
def test_the_second_kind_of_429(org: Org, after_effect: bool) -> None:
    """GitLab: lib/api/helpers/rate_limiter.rb."""
    fault(org, kind="application_limit", after_effect=after_effect)
    answer = tag(org)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "too many times" in answer.json()["message"]["error"] and "RateLimit-Limit" not in answer.headers
    assert happened(org) is after_effect


@both_sides
def test_a_server_error_with_a_body_and_headers(org: Org, after_effect: bool) -> None:
    fault(org, kind="status", status=500, body={"message": "oops"}, headers={"X-A": "b"}, after_effect=after_effect)
    answer = tag(org)
    assert (answer.status_code, answer.json(), answer.headers["X-A"]) == (500, {"message": "oops"}, "b")
    assert happened(org) is after_effect


@both_sides
def test_a_page_of_html_with_200(org: Org, after_effect: bool) -> None:
    fault(org, kind="html", after_effect=after_effect)
    answer = tag(org)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>") and happened(org) is after_effect


@both_sides
def test_an_empty_body(org: Org, after_effect: bool) -> None:
    fault(org, kind="empty", after_effect=after_effect)
    answer = tag(org)
    assert (answer.status_code, answer.content) == (201 if after_effect else 200, b"")
    assert happened(org) is after_effect


@both_sides
def test_a_truncated_body(org: Org, after_effect: bool) -> None:
    fault(org, kind="truncated", after_effect=after_effect)
    with pytest.raises(httpx.RemoteProtocolError, match=r"without sending complete message body"):
        tag(org)
    assert happened(org) is after_effect


@both_sides
def test_a_hang_ends_when_its_seconds_are_over(org: Org, after_effect: bool) -> None:
    fault(org, kind="hang", seconds=0.1, after_effect=after_effect)
    with pytest.raises(httpx.TransportError):
        tag(org)
    assert happened(org) is after_effect


def test_a_hang_without_seconds_lasts_until_the_client_gives_up(org: Org) -> None:
    fault(org, kind="hang")
    headers = {"PRIVATE-TOKEN": org.tokens["maintainer"]}
    body = {"tag_name": "v1", "ref": "main"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{org.url}/api/v4{TAGS}", json=body, headers=headers, timeout=0.2, trust_env=False, verify=False)
    (row,) = org.control("GET", f"requests?path=repository/tags&wait={WAIT}").json()
    assert (row["status"], row["fault"]) == (0, "hang") and not happened(org)


@both_sides
def test_latency(org: Org, after_effect: bool) -> None:
    fault(org, kind="latency", seconds=0.3, after_effect=after_effect)
    assert tag(org).status_code == 201
    (row,) = org.control("GET", "requests?path=repository/tags").json()
    assert row["seconds"] >= 0.3 and row["fault"] == "latency"


def test_many_slow_answers_wait_side_by_side(org: Org) -> None:
    """Thirty requests that take half a second each are over long before fifteen seconds."""
    fault(org, kind="latency", path="/user$", method="GET", seconds=0.5, times=None)
    threads = [threading.Thread(target=lambda: org.call("GET", "/user")) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = org.control("GET", "requests?path=/user").json()
    assert len(rows) == 30 and max(row["seconds"] for row in rows) < 7.5


def test_latencies_add_up_with_another_fault(org: Org) -> None:
    fault(org, kind="latency", seconds=0.2)
    fault(org, kind="status", status=502)
    assert tag(org).status_code == 502
    (row,) = org.control("GET", "requests?path=repository/tags").json()
    assert row["seconds"] >= 0.2 and row["fault"] == "status"


def test_every_third_call_after_the_first_two(org: Org) -> None:
    fault(org, kind="status", path="/user$", method="GET", skip=2, every=3, times=2)
    got = [org.call("GET", "/user").status_code for _ in range(12)]
    assert [number for number, status in enumerate(got, 1) if status == 503] == [5, 8]


def test_chance_is_repeatable_by_its_seed(org: Org) -> None:
    def draws(seed: int) -> list[bool]:
        draw = Draw(times=None, probability=0.3, seed=seed)
        return [draw.hit() for _ in range(200)]

    assert draws(5) == draws(5) != draws(6)
    assert 30 < sum(draws(5)) < 90
    fault(org, kind="status", path="/user$", method="GET", times=None, probability=0.3, seed=5)
    got = [org.call("GET", "/user").status_code == 503 for _ in range(20)]
    assert got == draws(5)[:20]


def test_a_fault_tells_how_often_it_was_asked_and_hit_and_can_be_taken_back(org: Org) -> None:
    fault(org, kind="status", path="/user$", method="GET", skip=1, times=5)
    for _ in range(3):
        org.call("GET", "/user")
    (shown,) = org.control("GET", "faults").json()
    assert (shown["seen"], shown["hits"], shown["times"]) == (3, 2, 3)
    assert org.control("GET", "counters").json()["fault:status"] == 2
    assert org.control("DELETE", f"faults/{shown['id']}").status_code == 204
    assert org.call("GET", "/user").status_code == 200


def test_a_half_sent_request_is_not_counted_as_hit_with_an_effect(org: Org) -> None:
    fault(org, kind="status", status=500)
    address = httpx.URL(org.url)
    head = (
        f"POST /api/v4{TAGS} HTTP/1.1\r\nHost: x\r\nPRIVATE-TOKEN: {org.tokens['maintainer']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with socket.create_connection((str(address.host), address.port or 80)) as client:
        client.sendall(head.encode())
    (row,) = org.control("GET", f"requests?path=repository/tags&wait={WAIT}").json()
    assert row["status"] == 0 and not happened(org)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"kind": "status", "status": 99}, "status"),
        ({"kind": "status", "probability": 1.5}, "probability"),
        ({"kind": "status", "every": 0}, "every"),
        ({"kind": "latency", "seconds": "long"}, "seconds"),
        ({"kind": "graphql_timeout", "fields": "("}, "fields"),
        ({"kind": "status", "headers": []}, "headers"),
        ({"kind": "status", "chance": 1}, "chance"),
    ],
)
def test_misuse_is_told_by_name(org: Org, asked: dict[str, object], told: str) -> None:
    answer = org.control("POST", "faults", json=asked)
    assert answer.status_code == 400 and re.search(rf"\b{told}\b", answer.json()["error"])
