"""When a try that did not work may be made again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.releases import Attempt, AttemptOutcome
from bot.release.retry import (
    IN_FLIGHT,
    LONGEST_DELAY,
    MOST_TRIES,
    SETTLING,
    GiveUp,
    Later,
    Ready,
    interrupted,
    next_try,
)
from tests.unit.release_facts import NOON, attempt

A = AttemptOutcome
SECOND = timedelta(seconds=1)
WHY = "502 Bad Gateway"


def later(seconds: float) -> Later:
    return Later(timedelta(seconds=seconds), WHY)


def refused(count: int, *, spacing: float = 60) -> list[Attempt]:
    """So many refusals, the last one at noon."""
    return [attempt(A.REFUSED, at=NOON - (count - 1 - n) * spacing * SECOND, number=n + 1) for n in range(count)]


@pytest.mark.parametrize(
    ("tries", "after", "step"),
    [
        ([], 0, Ready()),
        (refused(1), 0, later(2)),
        (refused(1), 1.5, later(0.5)),
        (refused(1), 2, Ready()),
        (refused(2), 0, later(4)),
        (refused(3), 0, later(8)),
        (refused(5), 0, later(32)),
        (refused(6), 0, GiveUp(f"{WHY} (6 tries)")),
        (refused(6), 10**6, GiveUp(f"{WHY} (6 tries)")),
        ([attempt(A.UNCLEAR)], 0, later(8)),
        ([attempt(A.CLAIMED)], 0, later(8)),
        ([attempt(A.UNCLEAR)], 8, Ready()),
        ([attempt(A.REFUSED, retry_after=90)], 0, later(90)),
        ([attempt(A.REFUSED, retry_after=1)], 0, later(2)),
        ([attempt(A.UNCLEAR, retry_after=90)], 60, later(30)),
        ([attempt(A.REFUSED, again=False)], 0, GiveUp(WHY)),
        ([attempt(A.REFUSED, again=False)], 10**6, GiveUp(WHY)),
        ([attempt(A.ACCEPTED)], 0, Ready()),
        ([*refused(5), attempt(A.ACCEPTED, number=6)], 0, Ready()),
        ([attempt(A.ACCEPTED, at=NOON - SECOND), attempt(A.REFUSED, number=2)], 0, later(2)),
        ([attempt(A.PUT_OFF)], 0, Ready()),
        ([attempt(A.PUT_OFF, retry_after=57)], 0, later(57)),
        ([attempt(A.PUT_OFF, retry_after=57)], 57, Ready()),
        ([*refused(5), attempt(A.PUT_OFF, number=6)], 0, later(32)),
        ([*refused(5), attempt(A.PUT_OFF, number=6, retry_after=57)], 0, later(57)),
        ([*refused(6), attempt(A.PUT_OFF, number=7, retry_after=57)], 0, GiveUp(f"{WHY} (6 tries)")),
        ([attempt(A.UNCLEAR), attempt(A.PUT_OFF, number=2)], 0, later(8)),
        ([attempt(A.PUT_OFF, number=n, retry_after=1) for n in range(1, 20)], 1, Ready()),
    ],
)  # tries, seconds after noon, what follows
def test_what_follows_a_try(tries: list[Attempt], after: float, step: Ready | Later | GiveUp) -> None:
    assert next_try(tries, asked=NOON - timedelta(days=1), now=NOON + after * SECOND) == step


HOUR = timedelta(hours=1)


def patient(seconds: float, until: timedelta) -> Later:
    return Later(timedelta(seconds=seconds), WHY, NOON + until)


@pytest.mark.parametrize(
    ("tries", "step"),
    [
        ([], Ready()),
        (refused(1), patient(2, HOUR)),
        (refused(6), patient(64, timedelta(minutes=55))),
        (refused(12, spacing=300), patient(300, timedelta(minutes=5))),
        (refused(13, spacing=300), GiveUp(f"{WHY} (13 tries within 60 min)")),
        (refused(5, spacing=3000), patient(32, timedelta(seconds=32))),
        (refused(6, spacing=3000), GiveUp(f"{WHY} (6 tries within 250 min)")),
        ([*refused(6)[:-1], attempt(A.REFUSED, number=6, retry_after=7200)], patient(7200, timedelta(hours=2))),
        ([*refused(12, spacing=300), attempt(A.REFUSED, number=13, again=False)], GiveUp(WHY)),
        ([attempt(A.UNCLEAR)], patient(8, HOUR)),
        ([*refused(6), attempt(A.ACCEPTED, number=7)], Ready()),
    ],
)
def test_with_patience_tries_go_on_ever_more_seldom_until_it_is_over(
    tries: list[Attempt], step: Ready | Later | GiveUp
) -> None:
    """The last one is made when it ends; never fewer than without it, and what is certain to fail ends at once."""
    assert next_try(tries, asked=NOON - timedelta(days=1), now=NOON, patience=HOUR) == step


@given(st.integers(0, 20_000), st.floats(0, 600))
def test_patience_ends_and_not_before_its_time(seconds: int, slow: float) -> None:
    """However long each try takes."""
    patience, now, tries = timedelta(seconds=seconds), NOON, list[Attempt]()
    while not isinstance(step := next_try(tries, asked=NOON, now=now, patience=patience), GiveUp):
        now += step.delay if isinstance(step, Later) else slow * SECOND
        if isinstance(step, Ready):
            tries.append(attempt(A.UNCLEAR, at=now, number=len(tries) + 1))
    assert tries[-1].at - tries[0].at >= patience
    assert tries[-2].at - tries[0].at < patience or len(tries) == MOST_TRIES
    assert MOST_TRIES <= len(tries) <= MOST_TRIES + 6 + patience / LONGEST_DELAY


def test_what_is_accepted_again_and_again_and_never_stands_is_slowed_down() -> None:
    tries = [attempt(A.ACCEPTED, at=NOON - n * SECOND) for n in range(MOST_TRIES, 0, -1)]
    step = next_try(tries, asked=NOON - timedelta(days=1), now=NOON)
    assert step == Later(SETTLING, f"accepted {MOST_TRIES} times and still not as wanted")
    assert next_try(tries, asked=NOON - timedelta(days=1), now=NOON + SETTLING) == Ready()


@pytest.mark.parametrize(
    "tries",
    [
        refused(6),
        [attempt(A.REFUSED, again=False)],
        [attempt(A.REFUSED, retry_after=3600)],
        [attempt(A.PUT_OFF, retry_after=3600)],
    ],
)
def test_resume_makes_old_refusals_count_no_more(tries: list[Attempt]) -> None:
    assert next_try(tries, asked=NOON + SECOND, now=NOON + SECOND) == Ready()


@pytest.mark.parametrize(
    ("tries", "step"),
    [
        (refused(6), GiveUp(f"{WHY} (6 tries)")),
        ([attempt(A.REFUSED, again=False)], GiveUp(WHY)),
        ([attempt(A.REFUSED)], later(2)),
        ([attempt(A.PUT_OFF, retry_after=57)], later(57)),
    ],
)
def test_tries_count_though_the_clock_was_set_back_behind_the_moment_they_were_asked_for(
    tries: list[Attempt], step: Later | GiveUp
) -> None:
    """Else each is made again at once until the clock has caught up."""
    assert next_try(tries, asked=NOON + timedelta(hours=1), now=NOON) == step


def test_resume_does_not_hurry_a_server_that_may_still_store_what_it_received() -> None:
    step = next_try([attempt(A.UNCLEAR)], asked=NOON + SECOND, now=NOON + 2 * SECOND)
    assert step == Later(IN_FLIGHT - 2 * SECOND, WHY)


GAPS = st.floats(0, 5_000)


@st.composite
def histories(draw: st.DrawFn) -> list[Attempt]:
    """Tries in the order of their times."""
    at, tries = NOON, []
    for number, outcome in enumerate(draw(st.lists(st.sampled_from(list(A)), max_size=9))):
        at += draw(GAPS) * SECOND
        after = draw(st.none() | st.floats(0, 10_000))
        tries.append(attempt(outcome, at=at, number=number + 1, again=draw(st.booleans()), retry_after=after))
    return tries


@given(histories(), GAPS)
def test_no_try_comes_before_the_time_the_server_asked_for(tries: list[Attempt], wait: float) -> None:
    now = (tries[-1].at if tries else NOON) + wait * SECOND
    step = next_try(tries, asked=NOON, now=now)
    if isinstance(step, Ready) and tries and tries[-1].outcome is not A.ACCEPTED:
        assert tries[-1].retry_at is None or tries[-1].retry_at <= now
    made = [one for one in tries if one.outcome is not A.PUT_OFF]
    if isinstance(step, Ready) and made and made[-1].outcome is not A.ACCEPTED:
        assert made[-1].outcome in (A.REFUSED, A.DENIED) or now - made[-1].at >= IN_FLIGHT
        assert made[-1].again


@given(histories(), GAPS)
def test_waiting_as_long_as_told_is_enough(tries: list[Attempt], wait: float) -> None:
    now = (tries[-1].at if tries else NOON) + wait * SECOND
    step = next_try(tries, asked=NOON, now=now)
    if isinstance(step, Later):
        assert step.delay > timedelta()
        assert not isinstance(next_try(tries, asked=NOON, now=now + step.delay), GiveUp)
        then = next_try(tries, asked=NOON, now=now + step.delay)
        assert isinstance(then, Ready) or step.delay == SETTLING


@given(st.lists(st.sampled_from([A.REFUSED, A.UNCLEAR]), min_size=MOST_TRIES, max_size=12), GAPS)
def test_tries_that_never_work_come_to_an_end(outcomes: list[A], wait: float) -> None:
    tries = [attempt(outcome, at=NOON + n * timedelta(hours=1)) for n, outcome in enumerate(outcomes)]
    assert isinstance(next_try(tries, asked=NOON, now=tries[-1].at + IN_FLIGHT + wait * SECOND), GiveUp)


@given(histories(), GAPS)
def test_no_delay_of_ours_is_longer_than_its_bound(tries: list[Attempt], wait: float) -> None:
    now = (tries[-1].at if tries else NOON) + wait * SECOND
    step = next_try(tries, asked=NOON, now=now)
    if isinstance(step, Later):
        told = max((t.retry_at - now for t in tries if t.retry_at is not None), default=timedelta())
        assert step.delay <= max(LONGEST_DELAY, SETTLING, told)


def test_interrupted_claims_become_unclear_now_and_others_stay_out() -> None:
    tries = [attempt(A.CLAIMED, number=1), attempt(A.ACCEPTED, number=2), attempt(A.CLAIMED, number=3)]
    later_on = NOON + timedelta(hours=1)
    found = interrupted(tries, later_on)
    assert [(a.number, a.outcome, a.at, a.again) for a in found] == [
        (1, A.UNCLEAR, later_on, True),
        (3, A.UNCLEAR, later_on, True),
    ]
    assert {a.reason for a in found} == {"interrupted: the bot was stopped in the middle"}
