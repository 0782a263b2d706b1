"""The next moment a cron line names: five fields, lists, ranges, steps, names. Source: doc/topics/cron.md."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART = re.compile(r"(\*|\d+(?:-\d+)?)(?:/(\d+))?")
_HORIZON = timedelta(days=366 * 4 + 1)
"""The 29th of February comes within this time, or a line names no day at all."""


class ZoneError(Exception):
    """There is no such time zone."""


def _field(text: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(part)
        first, last = low, high
        if match[1] != "*":
            begin, dash, end = match[1].partition("-")
            first = int(begin)
            last = int(end) if dash else (high if match[2] else first)
        step = int(match[2] or 1)
        if not low <= first <= last <= high or step < 1:
            raise ValueError(part)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _numbered(text: str, names: tuple[str, ...], first: int) -> str:
    for number, name in enumerate(names, first):
        text = re.sub(rf"\b{name}\w*", str(number), text, flags=re.IGNORECASE)
    return text


def parse(line: str) -> tuple[frozenset[int], ...]:
    """Minutes, hours, days of month, months, days of week (0 and 7 are Sunday). Raises: ValueError."""
    fields = _WORDS.get(line.strip(), line).split()
    if len(fields) != len(_BOUNDS):
        raise ValueError(line)
    fields[3], fields[4] = _numbered(fields[3], _MONTHS, 1), _numbered(fields[4], _DAYS, 0)
    minutes, hours, days, months, weekdays = (
        _field(text, low, high) for text, (low, high) in zip(fields, _BOUNDS, strict=True)
    )
    # cron's old rule: with both fields restricted, either may match
    either = fields[2] != "*" and fields[4] != "*"
    return minutes, hours, days, months, frozenset(day % 7 for day in weekdays), frozenset({int(either)})


def next_run(line: str, zone: str, after: datetime) -> datetime | None:
    """The first matching minute later than `after`, in its time zone; None when the line names no real day.

    Raises: ValueError for a line that is none, ZoneError for an unknown zone.
    """
    minutes, hours, days, months, weekdays, either = parse(line)
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, a path outside, a directory
        raise ZoneError(zone) from None
    day = after.astimezone(local).replace(hour=0, minute=0, second=0, microsecond=0)
    end = day + _HORIZON
    while day < end:
        of_month, of_week = day.day in days, day.isoweekday() % 7 in weekdays
        fits = (of_month or of_week) if 1 in either else (of_month and of_week)
        if day.month in months and fits:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment > after:
                        return moment.astimezone(after.tzinfo)
        day = (day + timedelta(days=1)).replace(hour=0)
    return None
