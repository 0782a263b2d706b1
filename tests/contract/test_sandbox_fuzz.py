"""Nothing that a client sends makes the embedded GitLab answer 500: malformed requests by name, then by chance."""

import json
import random
import re
from collections.abc import Iterator

import httpx
import pytest

from bot.sandbox.rest.app import all_routes
from bot.sandbox.rest.routing import Route
from tests.contract.sandbox_org import WAIT, Org, organisation

SEED = 20260801
DIGITS, LONG = "9" * 5000, "n" * 5000
DEEP: object = "x"
for _ in range(40):
    DEEP = {"a": DEEP}

# these would end the fuzzing: they take away the project, or the token that asks
_LAST = ("/personal_access_tokens/self", "rotate")
_KNOWN = {"id": ("1", "acme%2Ftools%2Fwidget"), "sha": ("main", "v1"), "branch": ("main",), "tag_name": ("v1",)}
_SEGMENTS = (DIGITS, LONG, "%00", "%ff", "a%20b", "..%2F..", "-1", "%D9%A3", "%F0%9F%98%80", "1e9", "%0Ax", ".", "@")
_VALUES: tuple[object, ...] = (
    "",
    " ",
    "x" * 300,
    "a\0b",
    "\ud800",
    "a\nb",
    "../..",
    "-x",
    "main",
    "v1",
    "1",
    DIGITS,
    "-1",
    "[",
    "(",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "* * * * *",
    "America",
    None,
    True,
    1.5,
    1e308,
    10**30,
    -1,
    [],
    [[]],
    [{}],
    ["x"],
    [{"key": "K", "value": "V"}],
    [{"key": [], "value": {}}],
    {},
    {"a": {"b": [1]}},
    DEEP,
)
_GOOD: dict[str, object] = {
    "access_level": 30,
    "actions": [{"action": "create", "file_path": "fuzz.txt", "content": "x"}],
    "body": "A body",
    "branch": "topic",
    "commit_message": "Change",
    "content": "x",
    "cron": "0 1 * * *",
    "cron_timezone": "UTC",
    "description": "A description",
    "due_date": "2030-01-01",
    "expires_at": "2026-12-24",
    "from": "v1",
    "key": "FUZZ",
    "labels": "a,b",
    "name": "fuzz",
    "path": "fuzz",
    "ref": "main",
    "ref_name": "main",
    "scopes": ["api"],
    "source_branch": "topic",
    "tag_name": "v2",
    "target_branch": "main",
    "title": "A title",
    "to": "main",
    "url": "http://127.0.0.1:1/",
    "value": "a value",
    "version": "1.2.3",
}
_NAMES = (
    *_GOOD,
    *("active", "add_labels", "after", "assets", "assignee_ids", "author", "before", "created_after", "created_at"),
    *("custom_headers", "date", "encoding", "environment_scope", "file_path", "filter", "iids", "in", "inputs"),
    *("job_variables_attributes", "link_type", "milestone_id", "milestones", "namespace_id", "order_by", "page"),
    *("page_token", "pagination", "per_page", "regex", "released_at", "scope", "search", "signing_token", "since"),
    *("sort", "start_branch", "state", "state_event", "status", "token", "topics", "trailer", "until", "updated_after"),
    *("user_id", "user_ids", "variable_type", "variables", "visibility"),
)


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """Records of every kind, so that routes go deep."""
    with organisation() as made:
        world, project, user = made.world, made.project, made.people["maintainer"]
        world.commit(project, "topic", "Topic", {"b.txt": "b"}, user)
        world.create_merge_request(project, user, "topic", "Topic")
        world.create_tag(project, "v1", "main", user)
        world.set_variable(project, "KEY", "value")
        for path, body in (
            ("issues", {"title": "One"}),
            ("milestones", {"title": "One"}),
            ("releases", {"tag_name": "v1"}),
            ("triggers", {"description": "One"}),
            ("hooks", {"url": "http://127.0.0.1:1/"}),
            ("pipeline_schedules", {"description": "One", "ref": "main", "cron": "0 1 * * *"}),
            ("merge_requests/1/notes", {"body": "One"}),
            ("issues/1/notes", {"body": "One"}),
        ):
            answer = made.call("POST", f"/projects/1/{path}", json=body)
            assert answer.status_code == 201, answer.text
        yield made


def fill(template: str, chance: random.Random) -> str:
    """A path of the route; most of its parameters name something that is there."""

    def chosen(match: re.Match[str]) -> str:
        good = _KNOWN.get(match[1], ("1",))
        return chance.choice(good if chance.random() < 0.8 else _SEGMENTS)

    return re.sub(r"[:*](\w+)", chosen, template)


def content(chance: random.Random) -> tuple[str, bytes]:
    """A body and its type: mostly good JSON with a few odd values, else something that claims to be a body."""
    values = _GOOD | {name: chance.choice(_VALUES) for name in chance.sample(_NAMES, 2)}
    return chance.choice(
        (
            *[("application/json", json.dumps(values).encode())] * 12,
            ("application/json", b'{"a": \xff}'),
            ("application/json", b"[" * 5000),
            ("application/json", b'{"id": ' + b"9" * 5000 + b"}"),
            ("application/x-www-form-urlencoded", b"a%ff=1&b%00=2&c[][d]=3&c[]=4&e" + b"[f]" * 900 + b"=5"),
            ("multipart/form-data", b"no boundary"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nno name"),
        )
    )


def strike(org: Org, routes: list[Route], seed: int) -> list[str]:
    """One request to every route; those that were answered with 500 or above."""
    print(f"seed {seed}")  # shown when the test fails
    chance, failed = random.Random(seed), []
    headers = {"PRIVATE-TOKEN": org.tokens["admin"]}
    with httpx.Client(trust_env=False, verify=False, timeout=WAIT, headers=headers) as client:
        for route in routes:
            path = fill(route.template, chance)
            options: dict[str, object] = {}
            if route.method in ("GET", "DELETE"):
                names = {name: str(chance.choice(_VALUES)) for name in chance.sample(_NAMES, 2)}
                options["params"] = {name: value.encode(errors="replace").decode() for name, value in names.items()}
            else:
                kind, body = content(chance)
                options |= {"content": body, "headers": {"Content-Type": kind}}
            answer = client.request(route.method, f"{org.url}/api/v4{path}", **options)  # type: ignore[arg-type]  # passed on
            if answer.status_code >= 500:
                failed.append(f"{answer.status_code} {route.method} {path[:200]} {str(options)[:600]}")
    return failed


def targets() -> list[Route]:
    return [
        one
        for one in all_routes()
        if not any(word in one.template for word in _LAST)
        and (one.method, one.template) not in (("DELETE", "/projects/:id"), ("DELETE", "/users/:user_id"))
    ]


def test_no_route_answers_500_to_chance(org: Org) -> None:
    assert strike(org, targets(), SEED) == []


@pytest.mark.slow
def test_no_route_answers_500_to_more_chance(org: Org) -> None:
    for seed in random.SystemRandom().sample(range(1_000_000), 3):
        assert strike(org, targets(), seed) == []


_CONTROL = (
    *(("PUT", "clock"), ("POST", "faults"), ("PUT", "limits"), ("PUT", "hooks/settings"), ("POST", "hooks/faults")),
    *(("POST", "held/release"), ("POST", "hooks/held/release"), ("PUT", "storage"), ("PUT", "registry")),
    *(("POST", f"people/{deed}") for deed in ("commit", "tag", "remove-tag", "merge-request", "merge")),
)
_WORDS: dict[str, object] = {
    "application": {"notes_create": 1},
    "body": "x",
    "files": {"a.txt": "x"},
    "headers": {"X-Odd": "x"},
    "iid": 1,
    "kind": "status",
    "labels": ["a"],
    "name": "v3",
    "order": "shuffled",
    "path": "^/never",
    "project": "1",
    "source_branch": "topic",
    "throttles": {},
    "trigger": "push",
    "user": "maintainer",
}
_ASKED = {
    "faults": ("kind", "path", "body", "headers", "seconds", "status", "probability", "times", "skip", "method"),
    "limits": ("profile", "application", "throttles"),
    "clock": ("offset_seconds",),
    "hooks/settings": ("auto_disable",),
    "hooks/faults": ("kind", "trigger", "times", "count", "seconds"),
    "people/commit": ("project", "user", "branch", "message", "files", "start_branch"),
    "people/tag": ("project", "user", "name", "ref", "message"),
    "people/remove-tag": ("project", "user", "name"),
    "people/merge-request": ("project", "user", "source_branch", "target_branch", "title", "description", "labels"),
    "people/merge": ("project", "user", "iid", "squash"),
}


def test_no_call_of_the_control_api_answers_500_to_chance(org: Org) -> None:
    print(f"seed {SEED}")  # shown when the test fails
    chance, failed = random.Random(SEED), []
    headers = {"X-Sandbox-Token": org.gitlab.control_token}
    with httpx.Client(trust_env=False, verify=False, timeout=WAIT, headers=headers) as client:
        for _ in range(12):
            for method, path in _CONTROL:
                names = _ASKED.get(path, ("enabled", "forwarding", "group", "reset", "order"))
                values = {name: _WORDS[name] for name in names if name in _WORDS}
                values |= {name: chance.choice(_VALUES) for name in chance.sample(names, 1)}
                answer = client.request(method, f"{org.url}/-/sandbox/{path}", content=json.dumps(values).encode())
                if answer.status_code >= 500 or (answer.status_code >= 400 and not answer.json()["error"]):
                    failed.append(f"{answer.status_code} {method} {path} {str(values)[:300]}")
        client.delete(f"{org.url}/-/sandbox/faults")
        client.put(f"{org.url}/-/sandbox/clock", json={"offset_seconds": 0})
    assert failed == []
