"""Hooks that get lost, are held, come twice or in another order; and more calls than a namespace may make."""

from collections.abc import Iterator

import pytest

from tests.contract.sandbox_org import WAIT, Org, Receiver, organisation, receiving


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


@pytest.fixture
def receiver(org: Org) -> Iterator[Receiver]:
    with receiving() as made:
        body = {"url": made.url, "push_events": False, "tag_push_events": True}
        assert org.call("POST", "/projects/1/hooks", json=body).status_code == 201
        yield made


def tamper(org: Org, **asked: object) -> None:
    answer = org.control("POST", "hooks/faults", json=asked)
    assert answer.status_code == 201, answer.text


def tags(org: Org, *names: str) -> None:
    for name in names:
        org.world.create_tag(org.project, name, "main", org.people["maintainer"])
    assert org.control("POST", "hooks/drain").status_code == 204


def told(receiver: Receiver) -> list[str]:
    return [str(one["ref"]).removeprefix("refs/tags/") for one in receiver.payloads()]


def test_a_dropped_hook_leaves_no_trace(org: Org, receiver: Receiver) -> None:
    tamper(org, kind="drop", trigger="tag_push", skip=1)
    tags(org, "v1", "v2", "v3")
    assert sorted(told(receiver)) == ["v1", "v3"]
    (hook,) = org.call("GET", "/projects/1/hooks").json()
    assert len(org.call("GET", f"/projects/1/hooks/{hook['id']}/events").json()) == 2


def test_a_doubled_hook_comes_twice_with_one_key(org: Org, receiver: Receiver) -> None:
    tamper(org, kind="double")
    tags(org, "v1")
    (first, body), (second, again) = receiver.received
    assert body == again and first["Idempotency-Key"] == second["Idempotency-Key"]


def test_held_hooks_come_when_they_are_released_in_the_order_asked_for(org: Org, receiver: Receiver) -> None:
    tamper(org, kind="hold", times=None)
    tags(org, "v1", "v2", "v3")
    held = org.control("GET", f"hooks/held?count=3&wait={WAIT}").json()
    assert [one["trigger"] for one in held] == ["tag_push_events"] * 3 and told(receiver) == []
    assert org.control("POST", "hooks/held/release", json={"ids": [held[1]["id"]]}).status_code == 204
    assert org.control("POST", "hooks/drain").status_code == 204
    assert told(receiver) == ["v2"]
    assert org.control("POST", "hooks/held/release", json={"order": "last"}).status_code == 204
    assert org.control("POST", "hooks/drain").status_code == 204
    assert told(receiver) == ["v2", "v3", "v1"]
    assert org.control("GET", "hooks/held").json() == []


def test_reordered_hooks_come_last_first(org: Org, receiver: Receiver) -> None:
    tamper(org, kind="reorder", count=3)
    tags(org, "v1", "v2", "v3", "v4")
    assert [name for name in told(receiver) if name != "v4"] == ["v3", "v2", "v1"]


def test_more_calls_than_a_namespace_may_make_are_dropped(org: Org, receiver: Receiver) -> None:
    """GitLab: app/services/web_hook_service.rb, Gitlab::WebHooks::RateLimiter."""
    org.world.clock.offset += org.world.clock.now().replace(second=0, microsecond=0) - org.world.clock.now()
    assert org.control("PUT", "limits", json={"application": {"web_hook_calls": 2}}).status_code == 200
    tags(org, "v1", "v2", "v3")
    assert sorted(told(receiver)) == ["v1", "v2"]


@pytest.mark.parametrize(
    ("path", "asked", "named"),
    [
        ("hooks/faults", {"kind": "lose"}, "kind"),
        ("hooks/faults", {"kind": "drop", "trigger": "("}, "trigger"),
        ("hooks/faults", {"kind": "reorder", "count": 1}, "count"),
        ("hooks/faults", {"kind": "drop", "path": "x"}, "path"),
        ("hooks/held/release", {"order": "best"}, "order"),
        ("hooks/held/release", {"ids": [99]}, "ids"),
    ],
)
def test_misuse_is_told_by_name(org: Org, path: str, asked: dict[str, object], named: str) -> None:
    answer = org.control("POST", path, json=asked)
    assert answer.status_code == 400 and named in answer.json()["error"]


def test_people_commit_tag_and_merge_when_told_to(org: Org, receiver: Receiver) -> None:
    where = {"project": "acme/tools/widget", "user": "developer"}

    def does(deed: str, **asked: object) -> dict[str, object]:
        answer = org.control("POST", f"people/{deed}", json={**where, **asked})
        assert answer.status_code == 201, answer.text
        shown = answer.json()
        assert isinstance(shown, dict)
        return shown

    made = does("commit", branch="topic", message="Grow", files={"a.txt": "1", "README.md": None})
    assert org.project.git.branch("topic") is not None and len(str(made["sha"])) == 40
    iid = does("merge-request", source_branch="topic", title="Grow", labels=["feature"])["iid"]
    merged = does("merge", iid=iid)
    assert does("tag", name="v1", message="One")["sha"] == merged["sha"]
    does("remove-tag", name="v1")
    assert org.control("POST", "hooks/drain").status_code == 204
    assert [one["user_username"] for one in receiver.payloads()] == ["developer"] * 2
    for asked in ({"iid": 99}, {"iid": iid}, {"iid": 1, "user": "nobody"}, {"iid": 1, "project": "no/where"}):
        assert org.control("POST", "people/merge", json={**where, **asked}).status_code == 400
    assert "commit, tag" in org.control("POST", "people/dance", json=where).json()["error"]
