"""The timer: each slot once, the same slots after every start, and what is asked for soon is never forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.engine.timer import GRID, Timer, cron_trigger, latest

LONG = 10.0  # seconds that nothing here should take
SECOND = timedelta(seconds=1)


class Taker:
    """Takes slots, as the engine would; refuses a job's slots while told that it is at work."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.taken: list[tuple[str, datetime]] = []
        self.refused: list[tuple[str, datetime]] = []
        self.at_work: set[str] = set()
        self.broken = 0

    def __call__(self, job: str, slot: datetime) -> bool:
        with self.changed:
            if self.broken:
                self.broken -= 1
                self.changed.notify_all()
                raise OSError("disk full")
            (self.refused if job in self.at_work else self.taken).append((job, slot))
            self.changed.notify_all()
            return job not in self.at_work

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for it."""
        with self.changed:
            assert self.changed.wait_for(holds, LONG), (self.taken, self.refused)

    def slots(self, job: str) -> list[datetime]:
        """Those taken, in order."""
        return [slot for name, slot in self.taken if name == job]


@pytest.fixture
def taker() -> Taker:
    return Taker()


@contextmanager
def started(taker: Taker, *jobs: tuple[str, timedelta], at_start: tuple[str, ...] = ()) -> Iterator[Timer]:
    timer = Timer(taker)
    for name, interval in jobs:
        timer.every(interval, name, at_start=name in at_start)
    timer.start()
    try:
        yield timer
    finally:
        timer.stop()


@given(
    st.timedeltas(timedelta(), timedelta(days=6000)).map(lambda since: GRID + since),
    st.integers(1, 10 * 86_400),
)
def test_the_newest_slot_lies_on_the_grid_and_less_than_an_interval_back(now: datetime, seconds: int) -> None:
    interval = timedelta(seconds=seconds)
    slot = latest(interval, now)
    assert (slot - GRID) % interval == timedelta()
    assert slot <= now < slot + interval


def test_slots_are_named_by_the_clock_that_all_share_however_wrong_the_machine_is(taker: Taker) -> None:
    """A machine that is ahead would take the slots of the hour to come from the others, and then die."""
    behind = timedelta(minutes=59, seconds=1, milliseconds=300)  # so much the machine is ahead of the database

    def shared() -> datetime:
        return datetime.now(UTC) - behind

    timer = Timer(taker, shared)
    timer.every(SECOND, "poll")
    timer.every(timedelta(hours=1), "look", at_start=True)
    timer.start()
    try:
        timer.soon("heads")
        taker.until(lambda: len(taker.slots("poll")) >= 3 and bool(taker.slots("heads")))
        now = shared()
    finally:
        timer.stop()
    assert all(abs(now - slot) < 6 * SECOND for _, slot in taker.taken), taker.taken
    assert {(slot - GRID) % SECOND for slot in taker.slots("poll")} == {timedelta()}
    assert len(set(taker.slots("poll"))) == len(taker.slots("poll"))


def test_a_clock_that_is_set_back_stops_no_slot_and_no_slot_counts_as_done(taker: Taker) -> None:
    """APScheduler would wait for the hour to come again, and its slots are named already."""
    back = [timedelta()]

    def told() -> datetime:
        return datetime.now(UTC) - back[0]

    timer = Timer(taker, told, told)
    timer.every(SECOND, "poll")
    timer.start()
    try:
        timer.soon("heads", after=timedelta(hours=1))
        assert timer.mind() == timedelta()
        taker.until(lambda: len(taker.slots("poll")) >= 2)
        back[0] = SECOND
        assert timer.mind() == timedelta(), "a correction is no setting"
        back[0] = timedelta(hours=1)
        assert abs(timer.mind() - timedelta(hours=1) + SECOND) < SECOND
        assert timer.mind() == timedelta()
        taker.until(lambda: bool(taker.slots("heads")))
        count = len(taker.taken)
        taker.until(lambda: len(taker.taken) > count + 1)
    finally:
        timer.stop()
    assert len(set(taker.taken)) == len(taker.taken)
    assert {slot.microsecond for slot in taker.slots("poll")} == {0, 1}


def test_slots_lie_on_one_grid_whenever_the_timer_was_started(taker: Taker) -> None:
    with started(taker, ("poll", SECOND)):
        taker.until(lambda: len(taker.taken) >= 3)
    slots = taker.slots("poll")
    assert [(slot - GRID) % SECOND for slot in slots] == [timedelta()] * len(slots)
    assert len(set(slots)) == len(slots)


@pytest.mark.slow
def test_two_timers_name_the_same_slots(taker: Taker) -> None:
    with started(taker, ("poll", SECOND)), started(taker, ("poll", SECOND)):
        taker.until(lambda: len(taker.taken) >= 6)
    slots = taker.slots("poll")
    assert len(set(slots)) <= len(slots) // 2 + 1


def test_a_start_catches_up_with_the_newest_missed_slot_once(taker: Taker) -> None:
    day = timedelta(days=1)
    before = datetime.now(UTC)
    with started(taker, ("clean", day)):
        pass
    with started(taker, ("clean", day)):
        pass
    assert taker.slots("clean") == [latest(day, before)] * 2, "the engine makes it once, by its name"


def test_a_job_may_ask_for_a_slot_of_its_own_at_every_start(taker: Taker) -> None:
    before = datetime.now(UTC)
    with started(taker, ("poll", timedelta(hours=1)), at_start=("poll",)):
        pass
    (slot,) = taker.slots("poll")
    assert before <= slot <= datetime.now(UTC)


def test_soon_is_one_slot_for_all_who_ask_within_a_second_and_begins_after_the_last_of_them(taker: Taker) -> None:
    with started(taker, ("poll", timedelta(days=1))) as timer:
        taker.taken.clear()
        asked = []
        for _ in range(50):
            timer.soon("poll")
            asked.append(datetime.now(UTC))
        taker.until(lambda: bool(taker.taken) and taker.taken[-1][1] >= asked[-1])
        assert len(taker.taken) <= 2
        assert taker.taken[-1][1] - asked[-1] <= SECOND


@pytest.mark.slow
def test_soon_is_asked_for_again_while_the_job_is_at_work_and_slots_are_not(taker: Taker) -> None:
    with started(taker, ("poll", timedelta(days=1)), ("check", SECOND)) as timer:
        taker.taken.clear()
        taker.at_work = {"poll", "check"}
        timer.soon("poll")
        taker.until(lambda: [name for name, _ in taker.refused].count("poll") == 2)
        refused = [slot for name, slot in taker.refused if name == "check"]
        taker.at_work = set()
        taker.until(lambda: bool(taker.slots("poll")) and bool(taker.slots("check")))
        assert not set(refused) & set(taker.slots("check"))


@pytest.mark.slow
def test_the_timer_outlives_a_slot_that_could_not_be_submitted(taker: Taker) -> None:
    taker.broken = 2
    with started(taker, ("poll", SECOND)):
        taker.until(lambda: len(taker.taken) == 1)


@pytest.mark.slow
def test_soon_moves_no_later_slot(taker: Taker) -> None:
    with started(taker, ("poll", 2 * SECOND)) as timer:
        timer.soon("poll")
        taker.until(lambda: len(taker.taken) >= 4)
    regular = [slot for slot in taker.slots("poll") if (slot - GRID) % (2 * SECOND) == timedelta()]
    assert len(taker.taken) - len(set(regular)) <= 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 6 * * 1-5", ["fri 6", "mon 6", "tue 6"]),
        ("30 5 * * 0", ["sun 5", "sun 5", "sun 5"]),
        ("0 6 * * 7", ["sun 6", "sun 6", "sun 6"]),
        ("0 6 * * 0-6/3", ["sun 6", "wed 6", "sat 6"]),
        ("0 6 * * sat", ["sat 6", "sat 6", "sat 6"]),
        ("0 */8 * * *", ["fri 0", "fri 8", "fri 16"]),
    ],
)
def test_cron_lines_mean_what_cron_means(line: str, expected: list[str]) -> None:
    """Weekdays are counted from Sunday, times are UTC."""
    trigger, moment = cron_trigger(line), datetime(2026, 12, 31, 23, tzinfo=UTC)  # a Thursday
    found = []
    for _ in expected:
        moment = trigger.get_next_fire_time(None, moment + timedelta(seconds=1))
        found.append(f"{moment:%a} {moment.hour}".lower())
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("line", ["61 0 * * *", "0 6 * * 9", "0 6 * * 5-2", "0 6 * * 1/0", "x", "0 6 * * 1-5 *"])
def test_a_line_that_is_no_cron_line_is_refused(taker: Taker, line: str) -> None:
    """At the start, by name."""
    with pytest.raises(ConfigError) as caught:
        Timer(taker).cron(line, "audit")
    assert "hygiene.audit" in str(caught.value)


def test_a_cron_job_submits_its_slots(taker: Taker) -> None:
    """Nothing at the start; then the moment itself."""
    timer = Timer(taker)
    timer.cron("* * * * *", "audit")
    timer.start()
    try:
        assert taker.slots("audit") == []
    finally:
        timer.stop()


@pytest.mark.slow
def test_soon_can_be_put_off(taker: Taker) -> None:
    with started(taker, ("poll", timedelta(days=1))) as timer:
        taker.taken.clear()
        before = datetime.now(UTC)
        timer.soon("poll")
        timer.soon("late", after=2 * SECOND)
        taker.until(lambda: len(taker.taken) == 2)
    assert [name for name, _ in taker.taken] == ["poll", "late"]
    assert taker.slots("late")[0] - before > SECOND
