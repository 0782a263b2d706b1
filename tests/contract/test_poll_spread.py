"""Hooks that arrive spare looks, and nothing is missed for it: what they lost is found, a little later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.watch.poll import ABSENCE, LOOKS_A_MINUTE
from tests.contract.poll_watch import LONG, Watch, watching
from tests.contract.sandbox_org import organisation
from tests.unit.release_facts import PROJECT

MINUTE = timedelta(minutes=1)
OTHERS = 2 * LOOKS_A_MINUTE - 1  # projects whose hooks arrive besides ours: a look every other minute


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """One that listens to hooks for a while, and has compared its project since."""
    with organisation() as org:
        watch = watching(org, tmp_path)
        watch.watcher = replace(watch.watcher, listening=watch.ours() - MINUTE)
        assert watch.poll() == []
        hear(watch, *range(10**6, 10**6 + OTHERS))
        yield watch


def hear(watch: Watch, *numbers: int) -> None:
    """Hooks come from these projects, or from ours."""
    now = watch.ours()
    for number in numbers or (watch.org.project.id,):
        if number != watch.org.project.id:
            watch.store.enrolment.enrolled([replace(PROJECT, id=number, full_path=f"acme/other/{number}")], now)
        watch.store.enrolment.heard(number, now)


def test_a_tag_that_no_hook_told_of_is_found_when_the_project_is_looked_at_next(watch: Watch) -> None:
    hear(watch)
    watch.tag(watch.org.project, "v1")
    assert watch.poll() == [], "it was looked at within the last two minutes"
    watch.pass_time(MINUTE)
    assert watch.poll() == []
    watch.pass_time(MINUTE)
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_a_project_whose_hooks_do_not_arrive_is_looked_at_at_once(watch: Watch) -> None:
    watch.tag(watch.org.project, "v1")
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]
    hear(watch)
    watch.pass_time(timedelta(hours=1))
    watch.tag(watch.org.project, "v2")
    assert watch.poll() == [("acme/tools/widget", "v2", "created")], "what came an hour ago says nothing of now"


def test_few_projects_are_all_looked_at_each_time(tmp_path: Path) -> None:
    with organisation() as org:
        watch = watching(org, tmp_path)
        watch.watcher = replace(watch.watcher, listening=watch.ours() - MINUTE)
        watch.poll()
        hear(watch)
        hear(watch, *range(10**6, 10**6 + LOOKS_A_MINUTE - 1))
        watch.tag(org.project, "v1")
        assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_what_was_compared_before_hooks_were_taken_in_is_looked_at_at_once(watch: Watch) -> None:
    """A restart: hooks went to a closed door meanwhile."""
    hear(watch)
    watch.tag(watch.org.project, "v1")
    watch.watcher = replace(watch.watcher, listening=watch.ours())
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_a_process_that_slept_looks_at_everything(watch: Watch) -> None:
    hear(watch)
    watch.tag(watch.org.project, "v1")
    watch.later(ABSENCE + MINUTE)  # and our own clock was set back by as much
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_who_takes_in_no_hooks_looks_at_each_time(watch: Watch) -> None:
    """As `watch once` does; it also looks at what the daemon would look at later."""
    hear(watch)
    watch.tag(watch.org.project, "v1")
    assert watch.poll() == []
    watch.watcher = replace(watch.watcher, listening=None)
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_what_is_pushed_in_the_last_minute_of_the_quiet_hour_is_found_after_it(watch: Watch) -> None:
    """GitLab names the project for the last time; the look that was asked for then is made whenever it is its turn."""
    hear(watch)
    watch.tag(watch.org.project, "v1")
    assert watch.poll() == []
    watch.later(LONG)
    watch.watcher.intake.cursor("poll", watch.org.world.clock.now())  # polls went on, and named it no more
    assert watch.watcher.poll() == 0
    watch.pass_time(2 * MINUTE)
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]
