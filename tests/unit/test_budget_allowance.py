"""One limit over time: never more than GitLab allows, nobody in a pause, no storm after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.gitlab import allowance
from bot.adapters.gitlab.allowance import (
    LONGEST_UNTOLD,
    PROBE,
    RECOVERY,
    SLOWEST,
    UNTOLD,
    Allowance,
    Window,
)
from bot.adapters.gitlab.answers import Throttle
from bot.adapters.gitlab.endpoints import Quota

NOW = 10_000_000
SECOND = 1000
SIXTY = Quota(requests=60, seconds=60)
QUOTAS = st.builds(Quota, requests=st.integers(1, 400), seconds=st.sampled_from([7.0, 15.0, 60.0, 600.0, 3600.0]))


def throttle(observed: int, remaining: int, *, reset: float = 30, scaled: int | None = 60) -> Throttle:
    return Throttle(
        name="throttle_authenticated_api",
        observed=observed,
        remaining=remaining,
        reset=timedelta(seconds=reset),
        scaled=scaled,
    )


def spend(one: Allowance, now: int, *, write: bool = False, most: int = 10_000) -> tuple[Allowance, int]:
    """As many requests as may go at this moment."""
    for count in range(most):
        if allowance.wait(one, now, write=write):
            return one, count
        one = allowance.take(allowance.queue(one, now, now, write=write), now, write=write)
    raise AssertionError("there is no end to it")


def refuse(one: Allowance, now: int = NOW, *, told: int | None = 60 * SECOND, recent: int = 0) -> Allowance:
    """Something is sent and refused in the same millisecond."""
    one = allowance.back(allowance.sent(one), sent_at=now)
    return allowance.refused(one, now, sent_at=now, told=told, recent=recent)


# The bucket.


@given(QUOTAS, st.lists(st.tuples(st.integers(0, 20_000), st.booleans()), max_size=150), st.integers(0, 3_600_000))
def test_no_window_of_gitlabs_ever_sees_more_than_it_allows(
    quota: Quota, arrivals: list[tuple[int, bool]], phase: int
) -> None:
    """Whenever requests are wanted and wherever GitLab's windows begin, none of them is overrun."""
    one, now, seen = Allowance(quota=quota), NOW, Counter[int]()
    for gap, write in arrivals:
        now += gap
        now += allowance.wait(one, now, write=write)
        assert allowance.wait(one, now, write=write) == 0, "waiting as long as told is enough"
        one = allowance.take(one, now, write=write)
        seen[(now + phase) // round(quota.seconds * 1000)] += 1
    assert max(seen.values(), default=0) <= quota.requests


@given(QUOTAS)
@settings(max_examples=15)
def test_what_is_asked_without_end_gets_three_quarters_of_the_limit(quota: Quota) -> None:
    one, now, count = Allowance(quota=quota), NOW, 0
    end = NOW + round(quota.seconds * 1000) * 3
    while count <= 3 * quota.requests:
        now += allowance.wait(one, now, write=True)
        if now >= end:
            break
        one, count = allowance.take(one, now, write=True), count + 1
    assert count >= 3 * max(quota.requests * 3 // 4, 1) - 1


def test_reads_leave_a_tenth_to_writes() -> None:
    one, reads = spend(Allowance(quota=Quota(requests=400, seconds=60)), NOW)
    assert (reads, allowance.left(one, NOW)) == (90, 10)
    one, writes = spend(one, NOW, write=True)
    assert (writes, allowance.left(one, NOW)) == (10, 0)
    assert allowance.wait(one, NOW, write=False) == 11 * allowance.wait(one, NOW, write=True)


def test_where_no_limit_is_known_nothing_waits() -> None:
    one = Allowance()
    for _ in range(1000):
        assert allowance.wait(one, NOW, write=False) == 0
        one = allowance.take(one, NOW, write=False)
    assert (allowance.left(one, NOW), allowance.size(one, NOW), allowance.per_minute(one, NOW)) == (None, None, None)


def test_those_who_wait_stand_in_line_and_writes_do_not_stand_behind_reads() -> None:
    one, _ = spend(Allowance(quota=Quota(requests=80, seconds=60)), NOW)
    places = []
    for _ in range(4):
        place = max(allowance.wait(one, NOW, write=False), allowance.line(one, NOW, write=False))
        one = allowance.queue(one, NOW, NOW + place, write=False)
        places.append(place)
    assert places[0] == 1000
    assert places == sorted(set(places)), "one after the other"
    assert allowance.wait(one, NOW, write=True) == allowance.line(one, NOW, write=True) == 0


# What the headers say.


@pytest.mark.parametrize(
    ("requests", "seconds", "scaled"),
    [(60, 60, 60), (7200, 3600, 120), (2000, 60, 2000), (500, 15, 2000), (1000, 15, 4000), (2000, 600, 200)],
)
@pytest.mark.parametrize("observed", [1, 40])
def test_the_limit_is_scaled_to_a_minute_and_the_counts_are_not(
    requests: int, seconds: int, scaled: int, observed: int
) -> None:
    """7,200 an hour is written as `RateLimit-Limit: 120`: it is neither 120 an hour nor 7,200 a minute."""
    said = throttle(observed, requests - observed, reset=seconds / 2, scaled=scaled)
    one = allowance.heard(Allowance(), NOW, said)
    assert one.quota == Quota(requests=requests, seconds=seconds)
    assert one.window == Window(left=requests - observed, size=requests, until=NOW + seconds * 500)
    assert allowance.per_minute(one, NOW) == pytest.approx((requests - requests // 4) * 60 / seconds)


def test_a_limit_that_is_not_scaled_cannot_make_us_faster_than_its_window() -> None:
    one = allowance.heard(Allowance(), NOW, throttle(1, 7199, reset=3000, scaled=7200))
    assert one.quota == Quota(requests=7200, seconds=3000)


def test_reads_end_at_a_tenth_of_the_window_writes_at_its_end() -> None:
    one = allowance.heard(Allowance(), NOW, throttle(93, 7, reset=30, scaled=None))
    assert (allowance.wait(one, NOW, write=False), allowance.wait(one, NOW, write=True)) == (30 * SECOND, 0)
    one, writes = spend(one, NOW, write=True)
    assert (writes, allowance.wait(one, NOW, write=True)) == (7, 30 * SECOND)
    assert allowance.wait(one, NOW + 30 * SECOND, write=False) == 0


def test_others_who_use_the_token_are_seen() -> None:
    one = allowance.heard(Allowance(), NOW, throttle(1, 59))
    one = allowance.heard(allowance.take(one, NOW, write=True), NOW, throttle(41, 19))
    assert one.window is not None
    assert one.window.left == 19


def test_answers_that_overtake_each_other_give_nothing_back() -> None:
    one = allowance.heard(Allowance(), NOW, throttle(10, 50))
    for late in (throttle(4, 56), throttle(9, 51, reset=31)):
        one = allowance.heard(one, NOW, late)
        assert one.window is not None
        assert one.window.left == 50
    one = allowance.heard(one, NOW + 40 * SECOND, throttle(1, 59))
    assert one.window is not None
    assert one.window.left == 59, "a new window"


def test_what_is_under_way_is_taken_off_a_window_that_is_new_to_us() -> None:
    one = Allowance()
    for _ in range(8):
        one = allowance.sent(one)
    assert allowance.heard(one, NOW, throttle(1, 59)).window == Window(left=52, size=60, until=NOW + 30 * SECOND)


def test_a_throttle_that_is_turned_off_is_forgotten_with_its_window() -> None:
    usual = Quota(requests=6000, seconds=60)
    one = allowance.heard(Allowance(quota=usual), NOW, throttle(1, 59))
    assert allowance.silent(one, NOW + SECOND, usual) == one
    over = allowance.silent(one, NOW + 31 * SECOND, usual)
    assert (over.quota, over.window) == (usual, None)
    assert allowance.silent(over, NOW + 99 * SECOND, None) == over


# After a 429.


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("quota", [None, SIXTY, Quota(requests=1, seconds=60), Quota(requests=7200, seconds=3600)])
def test_nobody_calls_before_the_moment_told(write: bool, quota: Quota | None) -> None:
    one = refuse(Allowance(quota=quota), told=57 * SECOND, recent=100)
    assert allowance.wait(one, NOW, write=write) == 57 * SECOND
    assert allowance.wait(one, NOW + 57 * SECOND - 1, write=write) == 1
    assert allowance.wait(one, NOW + 57 * SECOND, write=write) == 0
    assert allowance.left(one, NOW) == 0


def test_one_goes_ahead_and_the_others_wait_for_how_it_fares() -> None:
    one, then = refuse(Allowance(quota=SIXTY)), NOW + 60 * SECOND
    one = allowance.sent(allowance.take(one, then, write=False))
    for write in (False, True):
        assert allowance.wait(one, then + SECOND, write=write) >= PROBE
    lost = allowance.back(one, sent_at=then)
    assert allowance.barred(lost, then + SECOND) == 0, "no answer: the next one goes to see"
    good = allowance.passed(allowance.back(one, sent_at=then), then + SECOND, sent_at=then)
    assert allowance.barred(good, then + SECOND) == 0
    assert not good.probing


def test_an_answer_to_what_was_sent_before_the_429_ends_no_pause() -> None:
    one = allowance.sent(Allowance(quota=SIXTY))
    one = refuse(one)
    one = allowance.passed(allowance.back(one, sent_at=NOW - 5), NOW + SECOND, sent_at=NOW - 5)
    assert one.probing
    assert allowance.barred(one, NOW + SECOND) == 59 * SECOND


def test_the_pace_halves_once_for_all_that_were_under_way_and_grows_back_by_the_minute() -> None:
    quota = Quota(requests=400, seconds=60)
    full = allowance.per_minute(Allowance(quota=quota), NOW)
    assert full == 300
    one = Allowance(quota=quota)
    for number in range(8):  # workers
        one = allowance.refused(one, NOW + number, sent_at=NOW - number, told=60 * SECOND, recent=8)
    over = NOW + 7 + 60 * SECOND
    assert one.paused_until == over
    minutes = [over + minute * 60 * SECOND for minute in (0, 1, 2, 5, 50)]
    assert [allowance.per_minute(one, now) for now in minutes] == pytest.approx([150, 180, 210, 300, 300])
    assert [allowance.size(one, now) for now in minutes] == [50, 60, 70, 100, 100]
    for _ in range(9):
        one = refuse(one, one.paused_until)
    assert allowance.per_minute(one, one.paused_until) == full * 6 / 100, "a sixteenth, in whole requests"


def test_a_429_that_does_not_say_how_long_is_respected_longer_each_time() -> None:
    one, pauses = Allowance(quota=SIXTY), []
    for _ in range(7):
        now = max(one.paused_until, NOW)
        one = refuse(one, now, told=None)
        pauses.append(one.paused_until - now)
    assert pauses[:3] == [UNTOLD, 2 * UNTOLD, 4 * UNTOLD]
    assert pauses[-1] == LONGEST_UNTOLD
    passed = allowance.passed(one, one.paused_until, sent_at=one.paused_until)
    assert refuse(passed, one.paused_until, told=None).paused_until == one.paused_until + UNTOLD


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    one = refuse(Allowance(quota=SIXTY), told=60 * SECOND)
    assert refuse(one, NOW + 1, told=SECOND).paused_until == one.paused_until


def test_a_limit_nobody_knew_is_guessed_from_our_pace_and_forgotten_when_it_proves_wrong() -> None:
    one = refuse(Allowance(), recent=120)
    assert (one.quota, one.guessed) == (Quota(requests=120, seconds=60), True)
    over = one.paused_until
    one = allowance.passed(one, over, sent_at=over)
    assert allowance.per_minute(one, over) == 45  # half of three quarters
    later = over + RECOVERY
    assert allowance.passed(one, later - RECOVERY // 2 - 1, sent_at=later).guessed
    free = allowance.passed(one, later, sent_at=later)
    assert (free.quota, free.guessed, allowance.wait(free, later, write=False)) == (None, False, 0)


@given(QUOTAS, st.integers(1, 12), st.integers(5, 120), st.booleans())
@settings(max_examples=40)
def test_under_sustained_429_each_pause_costs_one_request(quota: Quota, workers: int, told: int, write: bool) -> None:
    """Workers that ask as soon as they may, for ten minutes, against a GitLab that refuses everything."""
    one, now, sent = Allowance(quota=quota), NOW, 0
    first = min(workers, max(quota.requests // 4, 1))
    for _ in range(first):  # all at once, before anybody knows
        one = allowance.sent(allowance.take(one, now, write=write))
    for _ in range(first):
        one = allowance.refused(allowance.back(one, sent_at=NOW), now + 50, sent_at=NOW, told=told * SECOND, recent=1)
    while True:
        now += allowance.wait(one, now, write=write)
        if now >= NOW + 600 * SECOND:
            break
        one, sent = allowance.sent(allowance.take(one, now, write=write)), sent + 1
        assert allowance.barred(one, now) == PROBE, "the other workers wait for this one"
        one = allowance.refused(allowance.back(one, sent_at=now), now + 50, sent_at=now, told=told * SECOND, recent=1)
    assert sent <= 600 / told
    assert one.in_flight == one.ahead == 0


@given(QUOTAS, st.lists(st.tuples(st.integers(0, 90_000), st.booleans(), st.booleans()), max_size=40))
@settings(max_examples=50)
def test_a_halved_pace_never_exceeds_the_full_one(quota: Quota, steps: list[tuple[int, bool, bool]]) -> None:
    """Whatever is refused and let through, a window never sees more than the quota, and nothing counts below zero."""
    one, now, seen = Allowance(quota=quota), NOW, Counter[int]()
    for gap, write, good in steps:
        now += gap
        for _ in range(3):  # the reserve grows in whole requests: that may cost a read a moment more
            now += allowance.wait(one, now, write=write)
        assert allowance.wait(one, now, write=write) == 0
        one = allowance.sent(allowance.take(one, now, write=write))
        seen[now // round(quota.seconds * 1000)] += 1
        one = allowance.back(one, sent_at=now)
        one = allowance.passed(one, now, sent_at=now) if good else refuse(one, now, told=None)
        assert (one.in_flight, one.ahead) == (0, 0)
        assert SLOWEST <= one.pace <= 1
    assert max(seen.values(), default=0) <= quota.requests


def test_idle_says_whether_anything_but_the_bucket_would_be_lost() -> None:
    one = Allowance(quota=SIXTY)
    assert one.idle
    assert not allowance.sent(one).idle
    assert not refuse(one).idle
    assert not replace(one, probing=True).idle
