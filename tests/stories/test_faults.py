"""A GitLab that fails one request in five, in every way, before and after the effect, while clocks jump."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import FULL
from tests.stories.bot import Bot
from tests.stories.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

RELEASES = 100 if FULL else 6
PART = 0.2  # of all requests of the bot
KINDS: tuple[dict[str, object], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "after_effect": True},
    {"kind": "reset"},
    {"kind": "reset", "after_effect": True},
    {"kind": "truncated", "after_effect": True},
    {"kind": "html"},
    {"kind": "throttled", "seconds": 1},
    {"kind": "application_limit", "seconds": 1, "path": "/notes$"},
)


def test_every_release_ends_as_in_peace_and_nothing_happens_twice(
    bot: Bot, town: Town, group: Group, record_property: Callable[[str, object], None]
) -> None:
    """ROPEWALK_SEED repeats a run; ROPEWALK_CHAOS=full makes it a hundred releases."""
    seed = int(os.environ.get("ROPEWALK_SEED") or secrets.randbelow(10**9))
    record_property("seed", seed)
    print(f"ROPEWALK_SEED={seed}")
    bot.config["watch"] |= {"poll": "1s"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    packages = [town.package(group, changes=2) for _ in range(RELEASES)]
    pause = threading.Event()
    with bot.serving():
        for number, kind in enumerate(KINDS):
            draw = {"probability": PART / len(KINDS), "seed": seed + number, "times": None}
            town.fault(**{"path": "^/api/", **kind, **draw})
        for number, package in enumerate(packages):
            package.tag()
            if number == RELEASES // 3:
                town.world.clock.offset += timedelta(hours=2)
            if number == 2 * RELEASES // 3:
                town.world.clock.offset -= timedelta(minutes=90)
            pause.wait(0.2)
        ended = bot.ended(*(package.project.full_path for package in packages))
    town.calm()
    states = {release.project: (release.state, release.next) for release in ended}
    wanted = dict.fromkeys((package.project.full_path for package in packages), (ReleaseState.PUBLISHED, None))
    assert states == wanted, f"ROPEWALK_SEED={seed}"
    for package in packages:
        package.complete()
    said = bot.log.read_text()
    assert "Traceback" not in said
    assert town.token not in said
