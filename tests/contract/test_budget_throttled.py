"""The bot's requests against the rate limits of the embedded GitLab: as many as allowed, hardly one more, and all done.

Time passes for both sides together, and only while somebody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.adapters.gitlab.budget import Budget, monotonic
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.releases import GitLabReleases
from bot.domain.errors import PutOffError
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org, organisation

WORKERS = 8
RELEASES = 30
READS = 8  # of one release
MOST_PUT_OFFS = 400  # of one release; far beyond what any needs


@dataclass
class Time:
    """The steady clock of the budget and the clock of GitLab's world: they move together when somebody waits."""

    org: Org
    ahead: timedelta = timedelta()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> int:
        return monotonic() + self.ahead // timedelta(milliseconds=1)

    def sleep(self, seconds: float) -> None:
        self.wait(timedelta(seconds=seconds))

    def wait(self, by: timedelta) -> None:
        with self.lock:
            self.ahead += by
            self.org.world.clock.offset += by


@dataclass
class Bench:
    """A bot of several workers, and GitLab with all that it is asked."""

    org: Org
    clock: Time
    api: Api

    @property
    def budget(self) -> Budget:
        return self.api.budget

    def limit(self, **asked: object) -> None:
        """Set the limits at the beginning of a minute of GitLab's."""
        now = self.org.world.clock.now().timestamp()
        self.clock.wait(timedelta(seconds=60 - now % 60))
        assert self.org.control("PUT", "limits", json=asked).status_code == 200

    def statuses(self) -> list[int]:
        """How GitLab answered so far."""
        return [one["status"] for one in self.org.control("GET", "requests").json()]

    def work(self, number: int) -> int:
        """What a release reads, all anew whenever it is put off, as a turn does; returns how often it was."""
        project = self.org.project.id
        for put_off in range(MOST_PUT_OFFS):
            try:
                with self.budget.work():
                    GitLabProjects(self.api).project(project)
                    refs = GitLabRefs(self.api)
                    for _ in range(4):
                        refs.tag(project, f"v{number}")
                    refs.tags(project)
                    GitLabPipelines(self.api, self.org.folder).pipelines(project, sha="0" * 40, ref=f"v{number}")
                    GitLabReleases(self.api).release(project, f"v{number}")
                return put_off
            except PutOffError as error:
                assert error.retry_after is not None
                assert error.retry_after > timedelta()
                self.clock.wait(error.retry_after / WORKERS)  # the other workers wait at the same time
        raise AssertionError(f"release {number} is put off for ever")

    def all(self) -> list[int]:
        """All releases, by all workers; returns how often each was put off."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(self.work, range(RELEASES)))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with organisation() as org:
        steady = Time(org)
        budget = Budget(org.url, clock=steady, sleep=steady.sleep)
        yield Bench(org, steady, api(org.url, token=org.tokens["maintainer"], budget=budget))


@pytest.mark.slow
@pytest.mark.parametrize(("requests", "seconds"), [(60, 60), (120, 600)])
def test_a_throttle_is_kept_to_and_everything_ends(bench: Bench, requests: int, seconds: int) -> None:
    """30 releases' worth of reads by 8 workers: only what is sent before the first answer can be too much."""
    bench.limit(throttles={"throttle_authenticated_api": {"requests": requests, "seconds": seconds}})
    began = bench.clock()
    put_off = bench.all()
    minutes = (bench.clock() - began) / 1000 / seconds
    statuses = bench.statuses()
    assert len(put_off) == RELEASES
    assert statuses.count(429) <= WORKERS
    assert len(statuses) <= requests * (minutes + 1) + WORKERS
    assert RELEASES * READS <= len(statuses) <= RELEASES * READS * 5 / 4, "hardly anything was read for nothing"


@pytest.mark.slow
def test_sustained_refusals_of_both_kinds_cost_one_request_a_pause(bench: Bench) -> None:
    """GitLab refuses everything for ten minutes: eight workers that would ask on and on ask once a minute."""
    for kind in ("throttled", "application_limit"):
        bench.org.control("DELETE", "requests")
        fault = {"kind": kind, "path": "^/api/v4/", "seconds": 60, "times": None}
        assert bench.org.control("POST", "faults", json=fault).status_code == 201
        for _ in range(600):
            with pytest.raises(PutOffError):
                GitLabRefs(bench.api).tags(bench.org.project.id)
            bench.clock.wait(timedelta(seconds=1))
        assert 9 <= len(bench.statuses()) <= 11
        assert set(bench.statuses()) == {429}
        bench.org.control("DELETE", "faults")
        bench.clock.wait(timedelta(seconds=60))
        assert GitLabRefs(bench.api).tags(bench.org.project.id) == ()


def test_the_budget_learns_the_throttle_from_the_first_answer(bench: Bench) -> None:
    """7,200 an hour is told as `RateLimit-Limit: 120`."""
    bench.limit(throttles={"throttle_authenticated_api": {"requests": 7200, "seconds": 3600}})
    GitLabRefs(bench.api).tags(bench.org.project.id)
    line = bench.budget.reading(bench.org.world.clock.now()).lines[0]
    assert (line.name, line.size, line.per_minute) == ("api", 1800, 90.0)


def test_notes_wait_for_their_limit_and_nothing_else_does(bench: Bench) -> None:
    """Ten notes a minute are fewer than we believe: the eleventh is refused, the others are not even sent."""
    org = bench.org
    made = org.call("POST", f"/projects/{org.project.id}/issues", json={"title": "Talk"})
    assert made.status_code == 201, made.text
    bench.limit(application={"notes_create": 10})
    path = f"/projects/{org.project.id}/issues/{made.json()['iid']}/notes"
    for number in range(10):
        bench.api.send("post", path, {"body": f"note {number}"})
    org.control("DELETE", "requests")
    for _ in range(5):
        with pytest.raises(PutOffError):
            bench.api.send("post", path, {"body": "one too many"})
    assert bench.statuses() == [429]
    assert GitLabRefs(bench.api).tags(org.project.id) == ()
    bench.clock.wait(timedelta(seconds=60))
    bench.api.send("post", path, {"body": "in time"})
    assert bench.statuses() == [429, 200, 201]
