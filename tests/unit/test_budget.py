"""The budget of one GitLab: who waits in place, who is put off, which limit a 429 belongs to, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.adapters.gitlab.answers import Answer, Throttle
from bot.adapters.gitlab.budget import MOST_PLACES, Budget
from bot.adapters.gitlab.endpoints import REGISTRY, Route, route
from bot.domain.errors import PutOffError
from bot.domain.readings import BudgetLine
from tests.unit.release_facts import NOON

TAGS = route("get", "/projects/7/repository/tags")
PROJECT = route("get", "/projects/7")
NOTE = route("post", "/projects/7/merge_requests/1/notes")
OK = Answer(status=200, plain=False, retry_after=None, throttle=None)
RACK = Answer(status=429, plain=True, retry_after=timedelta(seconds=60), throttle=None)
APPLICATION = Answer(status=429, plain=False, retry_after=timedelta(seconds=60), throttle=None)


def on(observed: int, remaining: int, *, name: str = "throttle_authenticated_api", status: int = 200) -> Answer:
    """An answer while a throttle of 60 a minute is on."""
    said = Throttle(name=name, observed=observed, remaining=remaining, reset=timedelta(seconds=30), scaled=60)
    return Answer(status=status, plain=status == 429, retry_after=None, throttle=said)


@dataclass
class Hall:
    """A budget in a world where time passes only while somebody sleeps. `naps` are those sleeps, in seconds."""

    now: int = 0
    naps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget = Budget("https://u:p@gitlab.example.com", clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += round(seconds * 1000)

    def call(self, what: Route = TAGS, answer: Answer | None = OK) -> None:
        """One request and its answer."""
        self.budget.settle(self.budget.ask(what), answer)

    def put_off(self, what: Route = TAGS) -> float:
        """Seconds for which that request is put off; it must not have waited in place."""
        before = len(self.naps)
        with pytest.raises(PutOffError) as caught:
            self.budget.ask(what)
        assert len(self.naps) == before
        assert caught.value.status == 429
        assert caught.value.where == "gitlab.example.com"
        assert caught.value.retry_after is not None
        return caught.value.retry_after.total_seconds()

    def line(self, name: str) -> BudgetLine:
        """What is shown of one limit."""
        return next(one for one in self.budget.reading(NOON).lines if one.name == name)


@pytest.fixture
def hall() -> Hall:
    return Hall()


@pytest.fixture
def tight(hall: Hall) -> Hall:
    """A GitLab of 60 requests a minute, as its first answer said; what goes at once has gone."""
    hall.call(answer=on(1, 59))
    while not hall.naps:
        hall.call()
    hall.naps.clear()
    return hall


# Waiting.


def test_a_short_wait_is_slept_in_place(tight: Hall) -> None:
    for _ in range(5):
        tight.call()
    assert tight.naps == pytest.approx([4 / 3] * 5, abs=0.002)


def test_a_long_wait_is_the_engines(hall: Hall) -> None:
    hall.call(answer=RACK)
    assert hall.put_off() == 60
    hall.now += 59_000
    hall.call()
    assert hall.naps == [1.0]


def test_work_that_has_begun_waits_longer_than_work_that_has_not(tight: Hall) -> None:
    """Put off in its midst it would ask everything again: on a slow GitLab nothing would ever end."""
    tight.call(answer=Answer(status=429, plain=True, retry_after=timedelta(seconds=1), throttle=None))
    tight.now += 1000
    with tight.budget.work():
        tight.call()  # the one that goes ahead
        tight.naps.clear()
        tight.call()
        assert sum(tight.naps) == pytest.approx(20 / 7, abs=0.05), "seven of fifteen in the time of all"
    assert tight.put_off() == pytest.approx(20 / 7, abs=0.05)
    with tight.budget.work():
        assert tight.put_off() == pytest.approx(20 / 7, abs=0.05), "the next work has not begun"


def test_nothing_waits_for_a_pause_in_its_midst(hall: Hall) -> None:
    with hall.budget.work():
        hall.call(answer=RACK)
        assert hall.put_off() == 60


def test_a_write_goes_where_reads_must_wait(hall: Hall) -> None:
    hall.call(answer=on(53, 7))
    hall.call()
    assert hall.put_off() == 30, "a tenth of the window is left"
    for _ in range(6):
        hall.call(NOTE)
    assert hall.naps == []
    assert hall.put_off(NOTE) == 30


# Which limit it was.


def test_a_plain_429_stops_everything_that_the_throttle_counts(hall: Hall) -> None:
    hall.call(answer=RACK)
    for what in (TAGS, PROJECT, NOTE, route("post", "https://gitlab.example.com/api/graphql")):
        assert hall.put_off(what) == 60
    hall.call(route("get", "/projects/7/repository/files/x/raw"))
    hall.call(route("get", "/projects/7/packages/pypi/simple/x"))


def test_a_429_in_json_stops_its_endpoint_alone(hall: Hall) -> None:
    hall.call(NOTE, APPLICATION)
    assert hall.put_off(NOTE) == 60
    for what in (TAGS, PROJECT, route("put", "/projects/7/merge_requests/1/notes/5")):
        hall.call(what)
    assert (hall.line("notes").refused, hall.line("api").refused) == (1, 0)
    assert hall.naps == []


def test_an_endpoint_without_a_limit_that_we_know_is_stopped_with_its_like(hall: Hall) -> None:
    hall.call(TAGS, APPLICATION)
    assert hall.put_off(route("get", "/projects/9/pipelines")) == 60
    hall.call(PROJECT)
    hall.call(NOTE)


def test_headers_belong_to_the_throttle_they_name(hall: Hall) -> None:
    hall.call(TAGS, on(59, 1, name="throttle_authenticated_files_api"))
    hall.call(TAGS)
    assert hall.put_off(route("get", "/projects/7/repository/files/x/raw")) == 30


def test_where_only_the_reset_is_told_it_ends_the_pause(hall: Hall) -> None:
    hall.call(answer=on(61, 0, status=429))
    assert hall.put_off(NOTE) == 30


def test_projects_are_counted_apart_where_gitlab_does(hall: Hall) -> None:
    changelog = [route("get", f"/projects/{number}/repository/changelog") for number in (7, 8)]
    hall.call(changelog[0], APPLICATION)
    assert hall.put_off(changelog[0]) == 60
    hall.call(changelog[1])
    assert hall.line("changelog").paused_until == NOON + timedelta(seconds=60), "one line for all of them"


def test_places_are_forgotten_once_a_fresh_one_would_be_the_same(hall: Hall) -> None:
    day = Answer(status=429, plain=False, retry_after=timedelta(days=1), throttle=None)
    for number in range(2 * MOST_PLACES):
        hall.call(route("get", f"/projects/{number}/repository/changelog"), day if number == 3 else OK)
        hall.now += 1000
    assert len(hall.budget._allowances) <= MOST_PLACES + 1
    assert hall.put_off(route("get", "/projects/3/repository/changelog")) > 80_000, "a pause is not forgotten"


# After a 429.


def test_after_a_pause_one_goes_ahead(hall: Hall) -> None:
    hall.call(answer=RACK)
    hall.now += 60_000
    ahead = hall.budget.ask(TAGS)
    with pytest.raises(PutOffError):
        hall.budget.ask(TAGS)
    assert sum(hall.naps) <= 2
    hall.budget.settle(ahead, OK)
    hall.call()


@pytest.mark.parametrize("answer", [None, Answer(status=502, plain=True, retry_after=None, throttle=None)])
def test_an_answer_that_is_no_429_lets_the_others_follow(hall: Hall, answer: Answer | None) -> None:
    hall.call(answer=RACK)
    hall.now += 60_000
    hall.call(answer=answer)
    hall.call()
    assert hall.naps == [] or sum(hall.naps) < 1


# What is shown.


def test_what_is_shown_of_a_limit(tight: Hall) -> None:
    assert tight.line("api") == BudgetLine(
        name="api", left=1, size=15, per_minute=45.0, paused_until=None, refused=0, put_off=0
    )
    tight.call(answer=RACK)
    tight.put_off()
    tight.now += 10_000
    api = tight.line("api")
    assert (api.left, api.size, api.per_minute, api.refused, api.put_off) == (0, 7, 21.0, 1, 1)
    assert api.paused_until == NOON + timedelta(seconds=50)
    reads = tight.line("reads")
    assert (reads.left, reads.size, reads.per_minute, reads.refused) == (None, None, None, 0)
    assert [line.name for line in tight.budget.reading(NOON).lines] == ["api", "files", "packages", "reads"]


def test_requests_are_counted_by_endpoint_and_answer_and_those_of_the_last_minute(hall: Hall) -> None:
    for what, answer in ((TAGS, OK), (TAGS, OK), (TAGS, None), (NOTE, APPLICATION), (PROJECT, RACK)):
        hall.call(what, answer)
    hall.budget.spend(REGISTRY)
    reading = hall.budget.reading(NOON)
    assert reading.instance == "gitlab.example.com"
    assert reading.requests == (
        ("notes", "429", 1),
        ("project", "429", 1),
        ("reads", "2xx", 2),
        ("reads", "none", 1),
        ("registry", "unseen", 1),
    )
    assert reading.last_minute == 6
    hall.now += 61_000
    assert hall.budget.reading(NOON).last_minute == 0


@pytest.mark.parametrize(
    ("status", "group"), [(201, "2xx"), (304, "3xx"), (404, "4xx"), (503, "5xx"), (999, "5xx"), (0, "1xx")]
)
def test_no_status_makes_a_group_of_its_own(hall: Hall, status: int, group: str) -> None:
    hall.call(answer=Answer(status=status, plain=True, retry_after=None, throttle=None))
    assert hall.budget.reading(NOON).requests == (("reads", group, 1),)
