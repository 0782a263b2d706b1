"""Malformed requests get GitLab's status and body; misuse of the control API and of the command gets a sentence."""

import json

import httpx
import pytest

from bot.sandbox.server import AddressError, bind
from tests.contract.sandbox_org import WAIT, Org

DIGITS, LONG = "9" * 5000, "n" * 5000
PROJECT = "/projects/1"
JSON = {"Content-Type": "application/json"}
DEEP = b'{"a":' * 40 + b"1" + b"}" * 40


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/projects/acme%00", {}),
        ("GET", "/projects/acme%ff", {}),
        ("GET", f"{PROJECT}/repository/files/%00?ref=main", {}),
        ("GET", "/projects?search=%00", {}),
        ("GET", "/projects?%ff=1", {}),
        ("POST", f"{PROJECT}/variables", {"json": {"key": "K", "value": "a\0b"}}),
        ("POST", f"{PROJECT}/variables", {"data": {"key": "K", "value": "a\0b"}}),
        ("POST", f"{PROJECT}/issues", {"content": b'{"title": "\xff"}', "headers": JSON}),
        ("POST", f"{PROJECT}/issues", {"content": b'{"title": "\\ud800"}', "headers": JSON}),
        ("POST", f"{PROJECT}/packages/pypi", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
    ],
)
def test_what_no_database_can_hold_is_a_bad_request_in_plain_text(
    org: Org, method: str, path: str, options: dict[str, object]
) -> None:
    answer = org.call(method, path, **options)  # type: ignore[arg-type]  # passed on
    assert (answer.status_code, answer.text) == (400, "Bad Request")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", f"/projects/{DIGITS}", {}, 404),
        ("GET", f"/groups/{DIGITS}", {}, 404),
        ("GET", f"{PROJECT}/jobs/{DIGITS}", {}, 404),
        ("GET", f"{PROJECT}/merge_requests/{DIGITS}", {}, 404),
        ("GET", f"{PROJECT}/issues?iids[]={DIGITS}", {}, 200),
        ("GET", f"{PROJECT}/repository/branches/{LONG}", {}, 404),
        ("POST", f"{PROJECT}/repository/branches", {"json": {"branch": LONG, "ref": "main"}}, 400),
        ("POST", f"{PROJECT}/repository/tags", {"json": {"tag_name": LONG, "ref": "main"}}, 400),
        ("POST", f"{PROJECT}/releases", {"json": {"tag_name": LONG, "ref": "main"}}, 400),
        ("GET", f"{PROJECT}/repository/commits?path=..", {}, 400),
        ("POST", f"{PROJECT}/issues", {"content": DEEP, "headers": JSON}, 400),
        ("POST", f"{PROJECT}/issues", {"content": b"[" * 100_000, "headers": JSON}, 400),
        (
            "POST",
            f"{PROJECT}/repository/files/a.txt",
            {"json": {"branch": "a b", "start_branch": "main", "content": "x", "commit_message": "x"}},
            400,
        ),
        (
            "POST",
            f"{PROJECT}/pipeline_schedules",
            {"json": {"description": "x", "ref": "main", "cron": "0 1 * * *", "cron_timezone": "../../etc/passwd"}},
            400,
        ),
    ],
)
def test_odd_requests_are_refused_and_never_break_anything(
    org: Org, method: str, path: str, options: dict[str, object], status: int
) -> None:
    answer = org.call(method, path, **options)  # type: ignore[arg-type]  # passed on
    assert answer.status_code == status


def test_a_request_whose_source_branch_is_gone_cannot_be_merged(org: Org) -> None:
    project, user = org.project, org.people["maintainer"]
    org.world.commit(project, "gone", "Topic", {"gone.txt": "x"}, user)
    one = org.world.create_merge_request(project, user, "gone", "Gone")
    assert org.call("DELETE", f"{PROJECT}/repository/branches/gone").status_code == 204
    answer = org.call("PUT", f"{PROJECT}/merge_requests/{one.iid}/merge")
    assert (answer.status_code, answer.json()) == (422, {"message": "Branch cannot be merged"})
    note = org.call("POST", f"{PROJECT}/merge_requests/{one.iid}/notes", json={"body": "/merge"})
    assert (note.status_code, one.state) == (400, "opened")


def test_graphql_takes_get_and_refuses_what_is_no_query(org: Org) -> None:
    # FACTS 2: query too large, and other requests that are none, are 422
    url = f"{org.url}/api/graphql"
    headers = {"Authorization": f"Bearer {org.tokens['maintainer']}"}
    query = "query($p: ID!) { project(fullPath: $p) { name } }"
    given = json.dumps({"p": "acme/tools/widget"})
    with httpx.Client(trust_env=False, verify=False, timeout=WAIT, headers=headers) as client:
        named = {"data": {"project": {"name": "widget"}}}
        assert client.get(url, params={"query": query, "variables": given}).json() == named
        assert client.post(url, json={"query": query, "variables": given}).json() == named
        refused = client.post(url, json={"query": query, "variables": [1]})
        assert (refused.status_code, refused.json()) == (422, {"errors": [{"message": "Unexpected parameter: [1]"}]})
        assert client.post(url, json={"query": query, "variables": "{"}).status_code == 422
        assert client.post(url, content=b'{"query": "a\\u0000"}').status_code == 400
        deep = client.post(url, json={"query": "{a" * 4000})
        assert deep.status_code == 200 and "errors" in deep.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("PUT", "clock", {"offset_seconds": 1e12}, "at most 100 years"),
        ("PUT", "clock", {"offset_seconds": float("inf")}, "finite"),
        ("POST", "people/tag", {"project": "1", "user": "maintainer", "name": "a b"}, "cannot be called 'a b'"),
        ("POST", "people/commit", {"project": DIGITS, "user": "maintainer", "branch": "x"}, "no project"),
        ("POST", "people/commit", {"project": "1", "user": "maintainer", "files": {"../x": "y"}}, "no tree can hold"),
        ("GET", "nothing", None, "no GET nothing"),
        ("POST", "clock", None, "no POST clock"),
        ("DELETE", f"faults/{DIGITS}", None, "the control API has no"),
        ("POST", "faults", {"kind": "latency", "seconds": -1}, "seconds is a number of seconds from 0"),
        ("POST", "faults", {"kind": "status", "headers": {"X-A": "a\r\nb"}}, "is no header"),
        ("POST", "faults", {"kind": "status", "body": "\ud800"}, "half a character"),
        ("GET", "held?wait=nan", None, "not negative"),
        ("PUT", "storage", {"enabled": "yes"}, "true or false"),
        ("PUT", "registry", {"forwarding": True, "group": "nobody"}, "no group 'nobody'"),
    ],
)
def test_misuse_of_the_control_api_is_told_in_a_sentence(
    org: Org, method: str, path: str, body: dict[str, object] | None, said: str
) -> None:
    answer = org.control(method, path, content=b"" if body is None else json.dumps(body).encode())
    assert answer.status_code in (400, 404, 405)
    assert said in answer.json()["error"]


def test_a_port_that_is_none_is_told_in_a_sentence() -> None:
    with pytest.raises(AddressError, match="99999 is no port"):
        bind("127.0.0.1", 99999)
