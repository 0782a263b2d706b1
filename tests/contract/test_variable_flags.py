"""Switching flags on: no value is sent, the scope is, and the value that GitLab answers with is nowhere afterwards."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from types import CellType, FrameType

import pytest

from bot.adapters.gitlab.variable_flags import GitLabVariableFlags
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Level, VariableFlags
from tests.contract.hostile import Asked, api, hostile, reply
from tests.contract.sandbox_org import organisation


def flags(level: str, owner: str, scope: str = "*", key: str = "TWINE_PASSWORD") -> VariableFlags:
    return VariableFlags(
        key=key,
        level=Level(level),
        owner=owner,
        protected=False,
        masked=False,
        hidden=False,
        raw=False,
        environment_scope=scope,
    )


def holders(secret: str, *living: object) -> Iterator[object]:
    """Whatever is alive and has a text with the secret in it, but for this test's own frame."""
    assert living
    for one in gc.get_objects():
        if isinstance(one, FrameType | CellType):
            continue
        for held in gc.get_referents(one):
            if (type(held) is str and secret in held) or (type(held) is bytes and secret.encode() in held):
                yield one


def test_the_request_holds_flags_and_scope_and_the_answer_is_dropped() -> None:
    """Byte for byte what is sent; and no object of ours holds the value afterwards."""
    asked: list[Asked] = []
    secret = "-".join(("never", "to", "be", "kept", "4711"))

    def answer(request: Asked) -> bytes:
        asked.append(request)
        return reply(200, json.dumps({"key": "TWINE_PASSWORD", "value": secret, "masked": True}).encode())

    with hostile(answer) as server:
        switch = GitLabVariableFlags(api(server.url))
        switch.switch_on(flags("project", "acme/p", "pypi"), 7, ("masked",))
        switch.switch_on(flags("group", "acme/tools"), 0, ("masked", "protected"))
    assert [(one.method, one.target) for one in asked] == [
        ("PUT", "/api/v4/projects/7/variables/TWINE_PASSWORD"),
        ("PUT", "/api/v4/groups/acme%2Ftools/variables/TWINE_PASSWORD"),
    ]
    assert [json.loads(one.body) for one in asked] == [
        {"masked": True, "filter": {"environment_scope": "pypi"}},
        {"masked": True, "protected": True, "filter": {"environment_scope": "*"}},
    ]
    gc.collect()
    assert list(holders(secret, switch)) == []


def test_of_several_scopes_only_the_one_meant_is_changed() -> None:
    """In projects, where GitLab would refuse, and in groups, where it would take the first."""
    with organisation() as org:
        group = org.world.groups["acme"]
        for owner in (org.project, group):
            for scope in ("*", "pypi", "test"):
                org.world.set_variable(owner, "TWINE_PASSWORD", "sufficiently-long", environment_scope=scope)
        org.world.set_variable(org.project, "SHORT", "abc")
        switch = GitLabVariableFlags(api(org.url, token=org.tokens["owner"]))
        switch.switch_on(flags("project", org.project.full_path, "pypi"), org.project.id, ("masked", "protected"))
        switch.switch_on(flags("group", "acme", "test"), 0, ("protected",))
        kept = {
            (level, one.environment_scope): (one.masked, one.protected, one.value)
            for level, owner in (("project", org.project), ("group", group))
            for one in owner.variables
            if one.key == "TWINE_PASSWORD"
        }
        value = "sufficiently-long"
        assert kept == {
            ("project", "*"): (False, False, value),
            ("project", "pypi"): (True, True, value),
            ("project", "test"): (False, False, value),
            ("group", "*"): (False, False, value),
            ("group", "pypi"): (False, False, value),
            ("group", "test"): (False, True, value),
        }
        with pytest.raises(RefusedError) as caught:
            switch.switch_on(flags("project", org.project.full_path, key="SHORT"), org.project.id, ("masked",))
        assert caught.value.status == 400
