"""Processes on one state that watch or release something else see that they do, and say so as long as it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.replicas import Replica, apart
from bot.engine.replicas import SAY_AGAIN, Membership
from bot.settings import load
from bot.settings.scope_mark import LENGTH, scope_mark

ME = Replica(id="me", host="h", pid=1, version="1", work="1", scope="a" * LENGTH)
OTHER = replace(ME, id="other", scope="b" * LENGTH)
WATCH = {"groups": "[acme, more]", "exclude": '["acme/archive/**"]', "poll": "60s"}
RULE = {"projects": '["acme/**"]', "tags": '["v*"]', "indexes": "[registry]"}


def mark(folder: Path, watch: Mapping[str, str], rule: Mapping[str, str]) -> str:
    said = [", ".join(f"{key}: {value}" for key, value in one.items()) for one in (watch, rule)]
    path = folder / "ropewalk.yaml"
    path.write_text(
        f"gitlab: {{url: 'https://gitlab.example.com'}}\nwatch: {{{said[0]}}}\n"
        "indexes:\n  registry: {kind: gitlab}\n  test: {repository: testpypi, password_env: TEST_TOKEN}\n"
        f"releases: [{{{said[1]}}}]\n"
    )
    environ = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij", "TEST_TOKEN": "pypi-0123456789abcdefghij"}
    return scope_mark(load(path, environ, folder))


@pytest.mark.parametrize(
    ("watch", "rule", "same"),
    [
        ({"groups": "[more, acme]"}, {}, True),
        ({"poll": "5m", "since": "all"}, {}, True),
        ({}, {"tag_reachable": "false", "install_check": "true"}, True),
        ({"groups": "[acme]"}, {}, False),
        ({"exclude": "[]"}, {}, False),
        ({"topics": "[python]"}, {}, False),
        ({"projects": "[solo/thing]"}, {}, False),
        ({}, {"projects": '["acme/tools/*"]'}, False),
        ({}, {"tags": '["v*", "r*"]'}, False),
        ({}, {"branches": "[main]"}, False),
        ({}, {"source": "artifacts"}, False),
        ({}, {"indexes": "[registry, test]"}, False),
    ],
)
def test_configurations_have_one_mark_if_they_watch_and_release_the_same(
    tmp_path: Path, watch: Mapping[str, str], rule: Mapping[str, str], same: bool
) -> None:
    first = mark(tmp_path, WATCH, RULE)
    assert len(first) == LENGTH
    assert (mark(tmp_path, WATCH | dict(watch), RULE | dict(rule)) == first) is same


@pytest.mark.parametrize(
    ("members", "ids"),
    [
        ((ME, OTHER), ("me", "other")),
        ((ME, replace(OTHER, scope=ME.scope)), ()),
        ((ME, replace(OTHER, alive=False)), ()),
        ((ME, replace(OTHER, scope="")), ()),
        ((), ()),
    ],
)
def test_only_those_that_live_and_tell_can_be_apart(members: tuple[Replica, ...], ids: tuple[str, ...]) -> None:
    assert tuple(one.id for one in apart(members)) == ids


class Members:
    """Who is at work, as a test says."""

    def __init__(self) -> None:
        self.there: tuple[Replica, ...] = ()

    def beat(self, one: Replica) -> bool:
        return True

    def leave(self, id_: str) -> None:
        pass

    def members(self) -> tuple[Replica, ...]:
        return self.there


def test_a_replica_says_at_once_that_another_watches_something_else_and_again_while_it_does() -> None:
    """A configuration that is rolled out is a warning; what lasts is an error. Who asked hears of its end, once."""
    agreed: list[str] = []
    membership = Membership(Members(), ME)
    membership.agreeing(lambda: agreed.append("agreed"))
    moments = [
        (100.0, (ME,)),
        (110.0, (ME, OTHER)),
        (117.0, (ME, OTHER)),
        (110.0 + SAY_AGAIN, (ME, OTHER)),
        (117.0 + SAY_AGAIN, (ME, OTHER)),
        (120.0 + SAY_AGAIN, (ME,)),
        (127.0 + SAY_AGAIN, (ME,)),
    ]
    with capture_logs() as said:
        for now, living in moments:
            membership.compare(living, now)
    others = {"logger_name": "replicas", "replica": "me", "others": ["other"]}
    assert [one for one in said if one["log_level"] != "info"] == [
        {"event": "replica.apart", "log_level": "warning", "seconds": 0} | others,
        {"event": "replica.apart", "log_level": "error", "seconds": round(SAY_AGAIN)} | others,
    ]
    assert agreed == ["agreed"]
