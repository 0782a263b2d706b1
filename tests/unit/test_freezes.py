"""Freezes: when they hold, in which zone, and when they end; clocks that are set forward and back included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.freezes import WEEK, Freeze, Span, Weekly, frozen, moment

BERLIN, ADELAIDE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Adelaide")
CAIRO, LORD_HOWE = ZoneInfo("Africa/Cairo"), ZoneInfo("Australia/Lord_Howe")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def weekly(start: timedelta, end: timedelta, zone: ZoneInfo = BERLIN, name: str = "weekly") -> Freeze:
    return Freeze(name=name, window=Weekly(start=start, end=end, zone=zone), zone=zone)


def span(start: str, end: str, name: str = "span") -> Freeze:
    return Freeze(name=name, window=Span(start=utc(start), end=utc(end)), zone=BERLIN)


WEEKEND = weekly(4 * DAY + 16 * HOUR, 8 * HOUR, name="weekend")  # Friday 16:00 to Monday 08:00


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # in winter Berlin is one hour ahead of UTC, in summer two
        ("2026-11-27T14:59:59", None),
        ("2026-11-27T15:00:00", "2026-11-30T07:00:00"),
        ("2026-11-30T06:59:59", "2026-11-30T07:00:00"),
        ("2026-11-30T07:00:00", None),
        ("2026-07-03T13:59:59", None),
        ("2026-07-03T14:00:00", "2026-07-06T06:00:00"),
        # clocks go forward on Sunday 2026-03-29: it begins in winter time and ends in summer time, an hour shorter
        ("2026-03-27T15:00:00", "2026-03-30T06:00:00"),
        ("2026-03-27T14:30:00", None),
        # and back on Sunday 2026-10-25
        ("2026-10-23T14:00:00", "2026-10-26T07:00:00"),
    ],
)
def test_a_weekly_window_follows_the_clocks_of_its_zone(now: str, until: str | None) -> None:
    holds = frozen([WEEKEND], utc(now))
    assert (holds.until if holds else None) == (utc(until) if until else None)


@pytest.mark.parametrize(
    ("zone", "local", "last", "expected"),
    [
        # from 02:00 to 03:00 there is nothing: the clocks are set forward at 01:00 UTC
        (BERLIN, "2026-03-29T02:00:00", False, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T02:00:00", True, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T02:30:00", False, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T02:30:00", True, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T02:59:59.5", True, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T03:00:00", True, "2026-03-29T01:00:00"),
        (BERLIN, "2026-03-29T01:59:59", False, "2026-03-29T00:59:59"),
        (CAIRO, "2026-04-24T00:00:00", True, "2026-04-23T22:00:00"),  # a midnight that does not come
        (LORD_HOWE, "2026-10-04T02:15:00", True, "2026-10-03T15:30:00"),  # half an hour is skipped
        (BERLIN, "2026-10-25T02:30:00", False, "2026-10-25T00:30:00"),  # the first of the two
        (BERLIN, "2026-10-25T02:30:00", True, "2026-10-25T01:30:00"),  # the second
    ],
)
def test_times_that_do_not_exist_or_come_twice(zone: ZoneInfo, local: str, last: bool, expected: str) -> None:
    assert moment(datetime.fromisoformat(local), zone, last=last) == utc(expected)


def test_a_freeze_that_ends_at_a_time_that_the_clocks_skip_is_not_cut_short() -> None:
    night = weekly(5 * DAY, 6 * DAY + 2 * HOUR)  # Saturday 00:00 to Sunday 02:00
    assert frozen([night], utc("2026-03-29T00:59:59")) is not None
    assert frozen([night], utc("2026-03-29T01:00:00")) is None


def test_windows_that_touch_or_overlap_are_one_frozen_time() -> None:
    year_end = span("2026-12-18T12:00:00", "2026-12-21T12:00:00", "year end")
    audit = span("2026-12-21T12:00:00", "2026-12-22T12:00:00", "audit")
    holds = frozen([audit, WEEKEND, year_end], utc("2026-12-19T00:00:00"))
    assert holds is not None
    assert [freeze.name for freeze in holds.by] == ["weekend", "year end"]
    assert holds.until == utc("2026-12-22T12:00:00")


def test_an_end_far_away_is_still_an_end() -> None:
    holds = frozen([span("2026-01-01T00:00:00", "2099-12-31T00:00:00"), WEEKEND], utc("2026-12-19T00:00:00"))
    assert holds is not None
    assert holds.until == utc("2099-12-31T00:00:00")


def test_windows_that_leave_no_gap_have_no_end_in_sight() -> None:
    always = [weekly(timedelta(), 4 * DAY), weekly(4 * DAY, 7 * DAY)]
    holds = frozen(always, utc("2026-12-19T00:00:00"))
    assert holds is not None
    assert holds.until is None


def test_a_freeze_covers_the_projects_it_names() -> None:
    freeze = replace(WEEKEND, projects=("acme/**", "other/tool"))
    assert [freeze.covers(path) for path in ("acme/tools/widget", "other/tool", "other/tools", "acmes/x")] == [
        True,
        True,
        False,
        False,
    ]


zones = st.sampled_from([BERLIN, ADELAIDE, ZoneInfo("America/New_York"), ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])
minutes = st.integers(0, 7 * 24 * 60 - 1).map(lambda n: timedelta(minutes=n))
moments = st.integers(0, 2 * 365 * 24 * 60).map(lambda n: utc("2026-01-01T00:00:00") + timedelta(minutes=n))


@given(start=minutes, end=minutes.filter(bool), zone=zones, now=moments)
def test_a_weekly_window_holds_exactly_when_the_local_week_says_so(
    start: timedelta, end: timedelta, zone: ZoneInfo, now: datetime
) -> None:
    if start == end:
        return
    local = now.astimezone(zone)
    beside = {
        local.utcoffset(),
        (now - 3 * HOUR).astimezone(zone).utcoffset(),
        (now + 3 * HOUR).astimezone(zone).utcoffset(),
    }
    if len(beside) > 1:
        return  # near a change of the clocks the table above says what holds
    since = timedelta(days=local.weekday()) + (local.replace(tzinfo=None) - datetime.combine(local.date(), time()))
    inside = start <= since < end if start < end else since >= start or since < end
    assert (frozen([weekly(start, end, zone)], now) is not None) is inside


@given(start=minutes, end=minutes.filter(bool), zone=zones, now=moments)
def test_at_its_end_nothing_is_frozen_and_just_before_it_is(
    start: timedelta, end: timedelta, zone: ZoneInfo, now: datetime
) -> None:
    if start == end:
        return
    freezes = [weekly(start, end, zone)]
    holds = frozen(freezes, now)
    if holds is not None and holds.until is not None:
        assert now < holds.until <= now + WEEK + 2 * HOUR
        assert frozen(freezes, holds.until) is None
        assert frozen(freezes, holds.until - timedelta(seconds=1)) is not None


@given(offset=st.integers(-11, 13), now=moments)
def test_a_span_holds_between_its_moments_wherever_the_clock_stands(offset: int, now: datetime) -> None:
    one = span("2026-12-20T00:00:00", "2027-01-04T00:00:00")
    elsewhere = now.astimezone(timezone(offset * HOUR))
    expected = utc("2026-12-20T00:00:00") <= now < utc("2027-01-04T00:00:00")
    assert (frozen([one], elsewhere) is not None) is expected
