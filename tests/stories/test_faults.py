"""A GitLab that fails one request in five, in every way, before and after the effect, while clocks jump."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import FULL
from tests.seeds import drawn, seeds
from tests.stories.bot import Bot
from tests.stories.town import Package, Town

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

RELEASES = 100 if FULL else 4
PART = 0.2  # of all requests of the bot
SLOWER = 3.0  # times, at most
PATIENCE = 900.0  # seconds for all of them
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


@seeds("faults")
def test_every_release_ends_as_in_peace_and_nothing_happens_twice(
    bot: Bot, town: Town, group: Group, seed: int | None, record_property: Callable[[str, object], None]
) -> None:
    """In full a hundred, in at most three times the time of a hundred in peace. ROPEWALK_SEED repeats a run."""
    seed = drawn(seed, record_property)
    bot.config["watch"] |= {"poll": "1s"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    packages = [town.package(group, changes=2) for _ in range(RELEASES)]
    peaceful = [town.package(group, changes=2) for _ in range(RELEASES if FULL else 0)]
    with bot.serving():
        peace = _released(bot, town, peaceful, jumps=False)
        for number, kind in enumerate(KINDS):
            draw = {"probability": PART / len(KINDS), "seed": seed + number, "times": None}
            town.fault(**{"path": "^/api/", **kind, **draw})
        took = _released(bot, town, packages, jumps=True)
        town.calm()
        ended = bot.ended()
    states = {release.project: (release.state, release.next) for release in ended}
    wanted = dict.fromkeys(
        (package.project.full_path for package in (*peaceful, *packages)), (ReleaseState.PUBLISHED, None)
    )
    assert states == wanted, f"ROPEWALK_SEED={seed}"
    for package in packages:
        package.complete()
    said = bot.log.read_text()
    assert "Traceback" not in said
    assert town.token not in said
    if FULL:
        print(f"{RELEASES} releases in {took:.0f} s, in peace in {peace:.0f} s: {took / peace:.2f} times the time")
        assert took <= SLOWER * peace, f"ROPEWALK_SEED={seed}"


def _released(bot: Bot, town: Town, packages: list[Package], *, jumps: bool) -> float:
    """Seconds from the first tag until all are at their end; the clock may jump meanwhile."""
    if not packages:
        return 0.0
    began, pause = time.monotonic(), threading.Event()
    for number, package in enumerate(packages):
        package.tag()
        if jumps and number == len(packages) // 3:
            town.world.clock.offset += timedelta(hours=2)
        if jumps and number == 2 * len(packages) // 3:
            town.world.clock.offset -= timedelta(minutes=90)
        pause.wait(0.2)
    names = {package.project.full_path for package in packages}
    bot.recorded(
        lambda rows: names == {one.project for one in rows if not one.state.open and one.due_at is None} & names,
        PATIENCE,
    )
    return time.monotonic() - began
