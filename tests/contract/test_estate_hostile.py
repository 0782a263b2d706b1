"""A sweep over answers that are not GitLab's: it ends with our own errors or with what is known, in bounded time."""

from __future__ import annotations

import json
import random

import pytest

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.meter import Meter
from bot.domain.errors import RopewalkError
from bot.domain.secrets import Redactor, Secret
from bot.hygiene.audit import Order, audit
from bot.hygiene.catalogue import RULES
from bot.hygiene.formats import FORMATS
from bot.hygiene.targets import scope_of
from tests.contract.estate_parts import NOTHING, no_ci
from tests.contract.hostile import SHORT, TOKEN, Asked, hostile, reply
from tests.fakes import Clock
from tests.unit.test_audit import NOW

PAGE = {"hasNextPage": False, "endCursor": "x", "hasPreviousPage": False, "startCursor": "y"}
FLAGS = {
    "key": "TWINE_PASSWORD",
    "protected": False,
    "masked": False,
    "hidden": False,
    "raw": False,
    "variableType": "ENV_VAR",
    "environmentScope": "*",
    "groupName": "acme",
    "groupCiCdSettingsPath": "/groups/acme/-/settings/ci_cd",
}
VARIABLES = {"nodes": [FLAGS], "pageInfo": PAGE}
BLOBS = {"nodes": [{"oid": "abc", "size": 3, "rawBlob": "a: b"}], "pageInfo": PAGE}
PROJECT = {
    "id": "gid://gitlab/Project/7",
    "fullPath": "acme/p",
    "archived": False,
    "topics": [],
    "ciVariables": VARIABLES,
    "inheritedCiVariables": VARIABLES,
    "repository": {"blobs": BLOBS},
}
PROJECTS = {"nodes": [PROJECT], "pageInfo": PAGE, "count": 1}
DATA = {
    "group": {"fullPath": "acme", "projects": PROJECTS, "packageSettings": {"pypiPackageRequestsForwarding": True}},
    "project": None,
    "projects": PROJECTS,
    "ciVariables": VARIABLES,
}
REST = {
    "id": 1,
    "name": "v*",
    "default_branch": "main",
    "inbound_enabled": True,
    "create_access_levels": [{"access_level": 40}],
    "ref": "main",
}
ODD: tuple[object, ...] = (
    None,
    [],
    {},
    "",
    0,
    -1,
    True,
    "\x1b[31m\u202e",
    "x" * 300,
    [None],
    {"nodes": None},
    1e300,
    [[]],
)


def spoilt(value: object, dice: random.Random) -> object:
    """The same document with something else in one place or two."""
    if dice.random() < 0.06:
        return dice.choice(ODD)
    if isinstance(value, dict):
        return {key: spoilt(one, dice) for key, one in value.items() if dice.random() > 0.02}
    return [spoilt(one, dice) for one in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_spoilt_answers_end_in_our_own_errors(seed: int) -> None:
    """Twenty audits each: a report that every format can write, or one sentence."""
    dice = random.Random(seed)

    def answer(request: Asked) -> bytes:
        if request.target.startswith("/api/graphql"):
            return reply(200, json.dumps({"data": spoilt(DATA, dice)}).encode())
        listed = request.target.partition("?")[0].rpartition("/")[2] in ("protected_tags", "triggers")
        return reply(200, json.dumps(spoilt([REST] if listed else REST, dice)).encode())

    ended = {"report": 0, "error": 0}
    with hostile(answer) as server:
        for _ in range(20):
            meter, secret = Meter(), Secret(TOKEN)
            api = Api(url=server.url, token=secret, redactor=Redactor([secret]), meter=meter, limits=SHORT)
            reads = GitLabEstate(api, meter.count, no_ci, wait=lambda _: None)
            order = Order(scope=scope_of(["acme/**"], membership=True), rules=RULES)
            try:
                report = audit(reads, order, Clock(NOW), lambda done, total: None).report
            except RopewalkError:
                ended["error"] += 1
                continue
            ended["report"] += 1
            for render in FORMATS.values():
                assert render(report, {rule.info.id: rule.info for rule in RULES})
    assert ended["report"], "nothing came through, so nothing was tried"


def test_pages_that_run_in_a_circle_end() -> None:
    """The same page again and again is refused, long before anybody would lose patience."""
    page = {**PAGE, "hasNextPage": True}
    circle = {"group": {"projects": {"nodes": [PROJECT], "pageInfo": page, "count": 1}}, "ciVariables": None}
    asked: list[Asked] = []

    def answer(request: Asked) -> bytes:
        asked.append(request)
        return reply(200, json.dumps({"data": circle}).encode())

    with hostile(answer) as server:
        meter, secret = Meter(), Secret(TOKEN)
        api = Api(url=server.url, token=secret, redactor=Redactor([secret]), meter=meter, limits=SHORT)
        reads = GitLabEstate(api, meter.count, no_ci, wait=lambda _: None)
        with pytest.raises(RopewalkError) as caught:
            list(reads.sweep(scope_of(["acme/**"], membership=True), NOTHING))
    assert "circle" in str(caught.value)
    assert len(asked) < 30
