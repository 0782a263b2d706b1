"""One budget for several processes: together they take what one may take, whoever of them learned of a limit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.gitlab import allowance, trading
from bot.adapters.gitlab.allowance import Allowance, Window
from bot.adapters.gitlab.answers import Answer
from bot.adapters.gitlab.endpoints import Quota, Route
from bot.adapters.gitlab.shared_budget import AWAY, SharedBudget
from bot.adapters.gitlab.trading import Kept
from bot.domain.errors import PutOffError, TransientError
from tests.unit.release_facts import NOON
from tests.unit.test_budget import NOTE, OK, PROJECT, RACK, TAGS, on

EPOCH = 1_790_000_000_000  # ms; the keeper's clock is far from that of any process
COM = "https://gitlab.com"
API = 2_000  # requests a minute of its API
AT_ONCE = API // allowance.AT_ONCE


@dataclass
class Shelf:
    """A board in memory. `down` says that it cannot be reached."""

    world: Hall
    texts: dict[str, str] = field(default_factory=dict)
    down: bool = False

    def change(self, names: Collection[str], step: Callable[[int, int, Mapping[str, str]], Mapping[str, str]]) -> None:
        """As the database does it."""
        if self.down:
            raise TransientError(what="no connection", where="the state's database")
        there = {name: self.texts[name] for name in names if name in self.texts}
        self.texts |= step(EPOCH + self.world.now, len(self.world.budgets), there)


@dataclass
class Hall:
    """Several processes on one keeper, in a world where time passes only while somebody sleeps."""

    processes: int = 3
    now: int = 0
    made: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self)
        self.budgets: list[SharedBudget] = []
        for number in range(self.processes):
            self.budgets.append(SharedBudget(COM, self.shelf, clock=self.clock(number * 1000), sleep=self.sleep))

    def clock(self, ahead: int) -> Callable[[], int]:
        """That of one process, which begins anywhere."""
        return lambda: self.now + ahead

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)

    def call(self, who: int, what: Route = TAGS, answer: Answer | None = OK) -> bool:
        """One request of a process and its answer; whether it was made."""
        budget = self.budgets[who]
        try:
            ticket = budget.ask(what)
        except PutOffError:
            return False
        self.made.append(self.now)
        budget.settle(ticket, answer)
        return True

    def trades(self) -> int:
        """How often the keeper was asked, by all."""
        return sum(shared.trades for one in self.budgets if (shared := one.reading(NOON).shared) is not None)


@pytest.fixture
def hall() -> Hall:
    return Hall()


def at_once(hall: Hall, who: Callable[[int], int], what: Route = TAGS) -> int:
    """How many requests are made before the first must wait."""
    count = 0
    while hall.now == 0 and hall.call(who(count), what):
        count += 1
    return count - (hall.now > 0)


@pytest.mark.parametrize("who", [lambda n: 0, lambda n: n % 3], ids=["by one", "by three in turn"])
def test_what_may_be_asked_at_once_is_one_for_all(who: Callable[[int], int]) -> None:
    """And costs few questions: those who are many in turn lose no more than each may have taken ahead."""
    hall = Hall()
    count = at_once(hall, who)
    most = AT_ONCE - AT_ONCE // allowance.RESERVE
    assert most - 3 * trading.MOST_AHEAD <= count <= most
    assert hall.trades() < 60


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    quanta=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 90), st.integers(0, 3000), st.booleans()), min_size=1, max_size=15
    )
)
def test_in_no_minute_more_goes_than_the_limit(quanta: list[tuple[int, int, int, bool]]) -> None:
    """Whoever asks, in whatever bursts and pauses; what is taken ahead is used within a second."""
    hall = Hall()
    at_once(hall, lambda n: n % 3)
    for who, burst, pause, write in quanta:
        for _ in range(burst):
            hall.call(who, NOTE if write else TAGS)
        hall.now += pause
    for number, first in enumerate(hall.made):
        assert bisect_left(hall.made, first + 60_000) - number <= API


def test_a_write_of_one_goes_where_reads_of_all_must_wait(hall: Hall) -> None:
    at_once(hall, lambda n: n % 3)
    hall.now = 0
    before = hall.now
    assert hall.call(1, NOTE)
    assert hall.now == before


def test_a_429_that_one_saw_stops_all_within_a_second(hall: Hall) -> None:
    """Then one of them goes ahead, and the others follow once it got through."""
    for who in range(3):
        assert hall.call(who)
    assert hall.call(0, answer=RACK)
    assert not hall.call(0)
    hall.now += trading.VALID
    assert [hall.call(who, PROJECT) for who in range(3)] == [False] * 3
    hall.now += 60_000
    ticket = hall.budgets[1].ask(TAGS)
    assert [hall.call(who) for who in (0, 2)] == [False, False], "one has gone ahead"
    hall.budgets[1].settle(ticket, OK)
    hall.now += trading.VALID
    assert all(hall.call(who) for who in range(3))


def test_of_one_that_goes_ahead_and_never_tells_nobody_waits_for_ever(hall: Hall) -> None:
    hall.call(0, answer=RACK)
    hall.now += 61_000
    hall.budgets[1].ask(TAGS)
    assert not hall.call(2)
    hall.now += trading.PROBING
    assert hall.call(2)


def test_what_headers_said_to_one_is_known_to_all(hall: Hall) -> None:
    """Of sixty a minute twenty are left, six of them for writes: all of them together read no more than that."""
    assert hall.call(0, answer=on(40, 20))
    assert hall.call(0)
    made = 0
    while hall.now < 25_000 and (hall.call(1) or hall.call(2)):
        made += 1
    assert 3 <= len(hall.made) - 2 <= 14
    assert made > 1


def test_without_its_keeper_each_lives_on_its_share_and_books_it_afterwards(hall: Hall) -> None:
    for who in range(3):
        hall.call(who)
    hall.shelf.down = True
    hall.now += trading.VALID
    start = hall.now
    shares = []
    for who in range(3):
        count = 0
        while hall.now < start + trading.VALID and hall.call(who) and hall.now == start:
            count += 1
        shares.append(count)
        hall.now = start
    assert all(0.7 * AT_ONCE / 3 < share <= AT_ONCE / 3 for share in shares), shares
    reading = hall.budgets[0].reading(NOON).shared
    assert reading is not None
    assert (reading.away, reading.processes) == (True, 3)
    hall.shelf.down = False
    hall.now += AWAY + 1
    assert hall.call(0, NOTE)
    kept = trading.read(hall.shelf.texts["budget:api:"])
    assert kept is not None
    hall.call(1, NOTE)
    hall.call(2, NOTE)
    kept = trading.read(hall.shelf.texts["budget:api:"])
    assert kept is not None
    left = allowance.left(kept.one, EPOCH + hall.now)
    assert left is not None
    assert left < AT_ONCE - sum(shares) + AWAY / 1000 * API / 60 + 5, "what was made without asking was booked"
    reading = hall.budgets[0].reading(NOON).shared
    assert reading is not None
    assert not reading.away


def test_a_429_while_the_keeper_is_away_is_told_when_it_is_back(hall: Hall) -> None:
    hall.call(0)
    hall.call(1)
    hall.shelf.down = True
    hall.now += trading.VALID
    assert hall.call(0, answer=RACK)
    assert not hall.call(0)
    hall.shelf.down = False
    hall.now += AWAY + 1
    assert not hall.call(0)
    assert not hall.call(1)


def test_a_text_of_another_version_is_begun_anew(hall: Hall) -> None:
    hall.shelf.texts["budget:api:"] = '{"quota": 7}'
    assert hall.call(0)
    assert trading.read(hall.shelf.texts["budget:api:"]) is not None


@pytest.mark.parametrize(
    "one",
    [
        Allowance(),
        Allowance(
            quota=Quota(requests=60, seconds=60.0), spent=(5_000_000,), window=Window(left=3, size=60, until=9000)
        ),
        Allowance(pace=0.5, paced_at=7, paused_until=9, refused_at=8, refusals=2, probing=True, guessed=True),
    ],
)
def test_a_limit_is_the_same_after_writing_and_reading_and_by_any_clock(one: Allowance) -> None:
    kept = Kept(one=one, ahead_until=12)
    assert trading.read(trading.written(kept)) == kept
    assert trading.shifted(trading.shifted(one, EPOCH), -EPOCH) == one
    for write in (False, True):
        now = 8_000
        assert allowance.wait(trading.shifted(one, EPOCH), EPOCH + now, write=write) == allowance.wait(
            one, now, write=write
        )


def test_the_share_of_a_limit_is_never_nothing() -> None:
    one = Allowance(quota=Quota(requests=5, seconds=60))
    assert trading.shared_out(one, 9).quota == Quota(requests=1, seconds=60)
    assert trading.shared_out(one, 1) == one
    assert trading.shared_out(replace(one, quota=None), 3) == replace(one, quota=None)
