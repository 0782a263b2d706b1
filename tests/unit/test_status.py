"""What `ropewalk status` says, for people and for programs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cli.status import Status, status_json, status_text
from bot.domain.readings import FRESH, DaemonReading, SharedBudgetReading
from bot.domain.replicas import Replica
from bot.domain.versioning import NewHead
from tests.unit.readings_made import READING
from tests.unit.release_facts import NOON

SECOND = timedelta(seconds=1)


def status(daemon: DaemonReading | None = READING, *, later: timedelta = 4 * SECOND) -> Status:
    return Status(now=NOON + later, daemon=daemon, projects=7, unseen=2, releases={"published": 3, "waiting": 1}, due=2)


TEXT = """\
daemon     alive, seen 4 s ago (ropewalk 0.1.0, up since 2026-08-03T09:00:00Z)
last poll  24 s ago
projects   7 watched, 2 of them not looked at yet
releases   waiting 1, published 3; 2 due now
GitLab     gitlab.example.com, 12 requests in a minute
limit  left  of  a minute  refused  put off  paused
api       7  15        45        0        3
notes     0   7        22        2       41  until 2026-08-03T12:00:50Z"""


def test_a_person_sees_it_at_a_glance() -> None:
    assert status_text(status(), color=False) == TEXT


def test_a_program_gets_every_number() -> None:
    document = status_json(status())
    assert document["schema"] == "ropewalk.status/1"
    assert document["daemon"] == {
        "alive": True,
        "version": "0.1.0",
        "started_at": "2026-08-03T09:00:00Z",
        "seen_at": "2026-08-03T12:00:00Z",
        "polled_at": "2026-08-03T11:59:40Z",
        "stopped": False,
    }
    assert (document["projects"], document["without_baseline"], document["due"]) == (7, 2, 2)
    releases, budget = document["releases"], document["budget"]
    assert isinstance(releases, dict)
    assert isinstance(budget, dict)
    assert (releases["published"], releases["waiting"], releases["failed"], len(releases)) == (3, 1, 0, 10)
    assert (budget["instance"], budget["requests_last_minute"], len(budget["limits"])) == ("gitlab.example.com", 12, 3)
    assert budget["limits"][1] == {
        "name": "notes",
        "left": 0,
        "size": 7,
        "per_minute": 22.5,
        "paused_until": "2026-08-03T12:00:50Z",
        "refused": 2,
        "put_off": 41,
    }


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (False, "12 requests in a minute by this replica; one budget for 4"),
        (True, "by this replica; on its share of one of 4: the database did not answer"),
    ],
)
def test_a_budget_that_replicas_share_is_shown_as_one(away: bool, words: str) -> None:
    shared = SharedBudgetReading(processes=4, away=away, trades=9, failures=1)
    found = status(replace(READING, budget=replace(READING.budget, shared=shared)))
    assert words in status_text(found, color=False)
    budget = status_json(found)["budget"]
    assert isinstance(budget, dict)
    assert budget["shared"] == {"processes": 4, "away": away}


@pytest.mark.parametrize(
    ("daemon", "later", "alive", "words"),
    [
        (READING, timedelta(), True, "alive, seen 0 s ago"),
        (READING, FRESH - SECOND, True, "alive, seen 29 s ago"),
        (READING, FRESH, False, "gone: last seen 30 s ago, and not stopped"),
        (READING, timedelta(hours=5), False, "gone: last seen 5 h ago, and not stopped"),
        (replace(READING, stopped=True), SECOND, False, "stopped 1 s ago"),
        (replace(READING, stopped=True), timedelta(days=9), False, "stopped 9 d ago"),
        (replace(READING, polled_at=None), SECOND, True, "none completed since the start"),
        (None, SECOND, False, "none ever ran on this state"),
    ],
)
def test_whether_the_daemon_lives(daemon: DaemonReading | None, later: timedelta, alive: bool, words: str) -> None:
    found = status(daemon, later=later)
    document = status_json(found)["daemon"]
    assert isinstance(document, dict)
    assert document["alive"] is alive
    assert words in status_text(found, color=False)


def test_of_several_replicas_one_that_stops_does_not_speak_for_the_others() -> None:
    """All write the same reading; the next one of those that live comes within ten seconds."""
    goodbye = status(replace(READING, stopped=True), later=SECOND)
    alive, dead = (Replica(id=f"r{n}", host="h", pid=n, version="1", work="1", alive=n == 1) for n in (1, 2))
    assert replace(goodbye, replicas=(dead, alive)).alive
    assert not replace(goodbye, replicas=(dead,)).alive
    assert not replace(goodbye, replicas=(dead, alive), now=NOON + FRESH).alive


def test_replicas_that_watch_something_else_are_told_of_as_long_as_they_live() -> None:
    """One that does not tell, since it is of an earlier version, is no reason."""
    one = Replica(id="one", host="h", pid=1, version="1", work="1", scope="aaa")
    other, silent = replace(one, id="other", scope="bbb"), replace(one, id="silent", scope="")
    words = "they do not all watch and release the same"
    for members, ids in (
        ((one, other, silent), ["one", "other"]),
        ((one, silent), []),
        ((one, replace(other, alive=False)), []),
        ((one, replace(other, scope="aaa")), []),
    ):
        found = replace(status(), replicas=members)
        assert status_json(found)["apart"] == ids
        assert (words in status_text(found, color=False)) is bool(ids)


def test_new_commits_that_are_not_tagged_are_named_with_the_reason() -> None:
    heads = tuple(
        NewHead(
            project_id=n,
            project=f"acme/widget{n}",
            branch="main",
            sha="c0ffee" * 6 + "abcd",
            seen_at=NOON,
            due_at=NOON + timedelta(hours=1),
            told="v1.1.0 is not tagged: \x1b[31mTWINE_PASSWORD is not masked",
        )
        for n in range(7)
    )
    found = replace(status(), untagged=heads)
    lines = status_text(found, color=False).splitlines()
    said = "not tagged  acme/widget0 main c0ffeec0: v1.1.0 is not tagged: \\x1b[31mTWINE_PASSWORD is not masked"
    assert [" ".join(said.split())] == [" ".join(one.split()) for one in lines if "widget0" in one]
    assert sum(one.startswith("not tagged") for one in lines) == 5
    assert any("and 2 more" in one for one in lines)
    document = status_json(found)["untagged"]
    assert isinstance(document, list)
    assert len(document) == 7
    assert document[0] == {
        "project": "acme/widget0",
        "branch": "main",
        "sha": heads[0].sha,
        "seen_at": "2026-08-03T12:00:00Z",
        "next_look": "2026-08-03T13:00:00Z",
        "reason": heads[0].told,
    }


def test_without_a_daemon_no_budget_is_made_up() -> None:
    assert status_json(status(None))["budget"] is None


def test_a_pause_that_is_over_is_not_shown() -> None:
    assert "until" not in status_text(status(later=timedelta(minutes=5)), color=False)
