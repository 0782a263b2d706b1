"""What an answer's headers say of limits, read without ever failing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from bot.adapters.gitlab.answers import Answer, Throttle, read_answer

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
EPOCH = int(NOON.timestamp())
GOOD = {
    "Date": format_datetime(NOON, usegmt=True),
    "Content-Type": "application/json",
    "RateLimit-Name": "throttle_authenticated_api",
    "RateLimit-Limit": "120",
    "RateLimit-Observed": "3",
    "RateLimit-Remaining": "7197",
    "RateLimit-Reset": str(EPOCH + 1800),
}
THROTTLE = Throttle(
    name="throttle_authenticated_api", observed=3, remaining=7197, reset=timedelta(minutes=30), scaled=120
)


def read(changed: Mapping[str, str | None] | None = None, status: int = 200, now: datetime = NOON) -> Answer:
    """The good headers with some changed (None: absent)."""
    headers = {name: value for name, value in (GOOD | dict(changed or {})).items() if value is not None}
    return read_answer(status, CaseInsensitiveDict(headers), now)


def test_all_that_is_told_is_read() -> None:
    assert read() == Answer(status=200, plain=False, retry_after=None, throttle=THROTTLE)


@pytest.mark.parametrize("wrong", [timedelta(days=400), -timedelta(days=400)])
def test_the_reset_counts_by_gitlabs_clock(wrong: timedelta) -> None:
    assert read(now=NOON + wrong).throttle == THROTTLE
    assert read({"Date": None}).throttle == THROTTLE, "where a proxy strips it, by what is known of that clock"


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("application/problem+JSON", False),
        ("text/plain", True),
        ("text/html", True),
        ("", True),
        (None, True),
    ],
)
def test_the_two_kinds_of_429_are_told_apart(kind: str | None, plain: bool) -> None:
    """Rack::Attack answers in plain text, an endpoint's own limit in JSON; a proxy in whatever it likes."""
    found = read({"Content-Type": kind, "Retry-After": "57"}, 429)
    assert (found.plain, found.retry_after) == (plain, timedelta(seconds=57))


@pytest.mark.parametrize("name", ["RateLimit-Observed", "RateLimit-Remaining", "RateLimit-Reset"])
@pytest.mark.parametrize("value", [None, "", "-1", "1.5", "many", "1e9", "٣", "9" * 400, "60, 60"])
def test_what_is_missing_or_nonsense_tells_nothing(name: str, value: str | None) -> None:
    assert read({name: value}).throttle is None


@pytest.mark.parametrize("reset", [0, EPOCH, EPOCH - 1, EPOCH + 86_401])
def test_a_window_that_is_over_or_without_end_tells_nothing(reset: int) -> None:
    assert read({"RateLimit-Reset": str(reset)}).throttle is None


@pytest.mark.parametrize("limit", [None, "0", "x"])
def test_without_a_limit_the_counts_still_count(limit: str | None) -> None:
    throttle = read({"RateLimit-Limit": limit}).throttle
    assert throttle is not None
    assert (throttle.scaled, throttle.remaining) == (None, 7197)


@given(st.dictionaries(st.sampled_from([*GOOD, "Retry-After"]), st.text(max_size=40)))
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    answer = read_answer(429, CaseInsensitiveDict(headers), NOON)
    assert answer.throttle is None or answer.throttle.reset > timedelta()
    assert answer.retry_after is None or answer.retry_after > timedelta()
