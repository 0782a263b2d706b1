"""What `/readyz` says of each thing that work depends on, and when it tells load balancers to stay away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from starlette.requests import Request

from bot.web.ops import LEAST_PATIENCE, ORDERS_STALE, STALE, Health, OpsEndpoints
from tests.unit.release_facts import NOON

POLL = timedelta(minutes=2)
GOOD = Health(
    heartbeat=lambda: NOON,
    ordered=lambda: NOON,
    polled=lambda: NOON,
    store=lambda: None,
    kept=lambda: True,
    uploader=lambda: True,
    clock=lambda: NOON,
    poll=POLL,
)


class BrokenError(Exception):
    """What a database that is gone raises."""


def broken() -> None:
    raise BrokenError("postgresql://ropewalk:a-password@db/ropewalk is gone")


def unreadable() -> datetime | None:
    broken()
    return None


def ago(delay: timedelta) -> Callable[[], datetime]:
    return lambda: NOON - delay


def asked(health: Health) -> tuple[int, dict[str, tuple[str, str, bool]]]:
    """The status, and what is not well."""
    answer = OpsEndpoints(health).readyz(Request({"type": "http"}))
    told = json.loads(bytes(answer.body))
    assert told["schema"] == "ropewalk.ready/1"
    assert told["ready"] is (answer.status_code == 200)
    assert list(told["checks"]) == ["runner", "engine", "state", "gitlab", "uploads"]
    found = {name: (one["verdict"], one["reason"], one["stops"]) for name, one in told["checks"].items()}
    return answer.status_code, {name: one for name, one in found.items() if one != ("pass", "", False)}


def test_all_is_well() -> None:
    assert asked(GOOD) == (200, {})


@pytest.mark.parametrize(
    ("health", "name", "verdict", "reason"),
    [
        (replace(GOOD, heartbeat=lambda: None), "runner", "unknown", "no turn was looked for yet"),
        (replace(GOOD, heartbeat=ago(STALE)), "runner", "fail", "no turn was looked for lately"),
        (replace(GOOD, ordered=ago(ORDERS_STALE)), "engine", "fail", "the engine has taken no order lately"),
        (replace(GOOD, store=broken), "state", "fail", "the state cannot be read"),
        (replace(GOOD, kept=lambda: False), "state", "fail", "the state cannot be written to"),
        (replace(GOOD, polled=lambda: None), "gitlab", "unknown", "GitLab has not been polled yet"),
        (
            replace(GOOD, polled=lambda: None, trouble=lambda: "GitLab refuses the token"),
            "gitlab",
            "fail",
            "GitLab refuses the token",
        ),
    ],
)
def test_what_stops_all_work_keeps_load_balancers_away(health: Health, name: str, verdict: str, reason: str) -> None:
    assert asked(health) == (503, {name: (verdict, reason, True)})


@pytest.mark.parametrize(
    ("health", "name", "verdict", "reason"),
    [
        (replace(GOOD, ordered=lambda: None), "engine", "unknown", "the engine was given no order yet"),
        (replace(GOOD, kept=lambda: None), "state", "unknown", "nothing was written to the state yet"),
        (replace(GOOD, polled=ago(5 * POLL)), "gitlab", "fail", "no poll was completed for 600 s"),
        (
            replace(GOOD, polled=ago(5 * POLL), trouble=lambda: "GitLab refuses the token"),
            "gitlab",
            "fail",
            "no poll was completed for 600 s: GitLab refuses the token",
        ),
        (
            replace(GOOD, trouble=lambda: "GitLab refuses the token"),
            "gitlab",
            "unknown",
            "the last poll failed: GitLab refuses the token",
        ),
        (replace(GOOD, polled=unreadable), "gitlab", "unknown", "when GitLab was polled last cannot be read"),
        (
            replace(GOOD, uploader=lambda: None),
            "uploads",
            "unknown",
            "the process that uploads is started with the first upload",
        ),
        (
            replace(GOOD, uploader=lambda: False),
            "uploads",
            "fail",
            "the process that uploads has died; the next upload starts it",
        ),
    ],
)
def test_what_passes_or_leaves_other_work_is_only_told(health: Health, name: str, verdict: str, reason: str) -> None:
    assert asked(health) == (200, {name: (verdict, reason, False)})


@pytest.mark.parametrize(
    ("poll", "late", "told"),
    [
        (timedelta(seconds=5), LEAST_PATIENCE - timedelta(seconds=1), False),
        (timedelta(seconds=5), LEAST_PATIENCE, True),
        (timedelta(hours=1), timedelta(hours=4), False),
        (timedelta(hours=1), timedelta(hours=5), True),
    ],
)
def test_polls_may_be_missed_for_a_while(poll: timedelta, late: timedelta, told: bool) -> None:
    assert ("gitlab" in asked(replace(GOOD, poll=poll, polled=ago(late)))[1]) is told
