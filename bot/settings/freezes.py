"""`freeze`: times in which nothing new is published."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from bot.domain.freezes import WEEK, Freeze, Span, Weekly, moment
from bot.settings.problems import near_miss, shown
from bot.settings.reading import Reading, name
from bot.settings.shape_words import FreezeSection
from bot.settings.tree import KeyPath, Plain

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKLY = re.compile(r"(?P<day>[a-z]+)(?:\s+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}))?", re.IGNORECASE)
_DAY = timedelta(days=1)
_FORMS = "a day (`2026-12-20`), a time (`2026-12-20T18:00`) or a day of the week (`Fri`, `Fri 16:00`)"


@dataclass(frozen=True, slots=True)
class _Week:
    """A local time of every week, as time since Monday 00:00; of a whole day when it begins and when it ends."""

    start: timedelta
    end: timedelta


def read_freezes(reading: Reading, above: KeyPath = (), value: Plain = None) -> tuple[Freeze, ...]:
    """All freezes of a file, in its order; or `value`, those of the section `above`."""
    here: KeyPath = (*above, "freeze")
    value = value if above else reading.tree.data.get("freeze", [])
    if not isinstance(value, list):
        remedy = "Write `- name: year end` with `from` and `to` under it"
        reading.problem(here, f"{name(here)} must be a list of freezes", remedy)
        return ()
    freezes: list[Freeze] = []
    for place, entry in enumerate(value):
        path = (*here, place)
        section = reading.section(FreezeSection, path, entry)
        if section is None:
            continue
        if section.name in (freeze.name for freeze in freezes):
            what = f"{name((*path, 'name'))} is `{shown(section.name)}` a second time"
            reading.problem((*path, "name"), what, "Give each a name of its own: reasons call them by it")
        if not section.projects:
            reading.problem((*path, "projects"), f"{name((*path, 'projects'))} is empty", "Leave it out for all")
        freeze = _freeze(reading, path, section)
        if freeze is not None:
            freezes.append(freeze)
    return tuple(freezes)


def _freeze(reading: Reading, path: KeyPath, section: FreezeSection) -> Freeze | None:
    zone = _zone(reading, (*path, "timezone"), section.timezone)
    start = _point(reading, (*path, "from"), section.from_)
    end = _point(reading, (*path, "to"), section.to)
    if zone is None or start is None or end is None:
        return None
    if isinstance(start, _Week) != isinstance(end, _Week):
        what = f"{name(path)} mixes a day of the week with a date"
        reading.problem((*path, "to"), what, "Write both ends alike: `Fri 16:00` to `Mon 08:00`, or two dates")
        return None
    window = _window(start, end, zone)
    if isinstance(window, str):
        reading.problem((*path, "to"), f"{name(path)} {window}", "Correct one of `from` and `to`")
        return None
    return Freeze(
        name=section.name,
        window=window,
        zone=zone,
        projects=tuple(section.projects),
        owner=section.owner,
        where=reading.tree.where(path),
    )


def _window(start: _Week | datetime | date, end: _Week | datetime | date, zone: ZoneInfo) -> Span | Weekly | str:
    """The window, or what is wrong with it."""
    if isinstance(start, _Week) and isinstance(end, _Week):
        if (end.end - start.start) % WEEK == timedelta():
            return "begins where it ends, so that it would cover the whole week"
        return Weekly(start=start.start % WEEK, end=end.end, zone=zone)
    assert not isinstance(start, _Week)
    assert not isinstance(end, _Week)
    begin, over = _moment(start, zone, last=False), _moment(end, zone, last=True)
    if over <= begin:
        return "ends before it begins"
    return Span(start=begin, end=over)


def _moment(point: datetime | date, zone: ZoneInfo, *, last: bool) -> datetime:
    """A day begins at its midnight and, as an end, goes to the next one; a time with an offset needs no zone."""
    if not isinstance(point, datetime):
        point = datetime.combine(point + _DAY if last else point, time())
    return point.astimezone(UTC) if point.tzinfo is not None else moment(point, zone, last=last)


def _point(reading: Reading, path: KeyPath, text: str) -> _Week | datetime | date | None:
    try:
        return _weekly(text) or _dated(text)
    except ValueError:
        reading.problem(path, f"{name(path)} must be {_FORMS}, not `{shown(text)}`")
        return None


def _weekly(text: str) -> _Week | None:
    """A day of the week by its name or at least three letters of it; None if `text` begins like no such day.

    Raises: ValueError for a time that no day has.
    """
    found = _WEEKLY.fullmatch(text.strip())
    if found is None or len(found["day"]) < 3:
        return None
    number = next((n for n, day in enumerate(_DAYS) if day.startswith(found["day"].lower())), None)
    if number is None:
        return None
    if found["hour"] is None:
        return _Week(number * _DAY, (number + 1) * _DAY)
    hour, minute = int(found["hour"]), int(found["minute"])
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        raise ValueError(text)
    at = number * _DAY + timedelta(hours=hour, minutes=minute)
    return _Week(at, at)


def _dated(text: str) -> datetime | date:
    """A day of this century, or a time on one, with or without an offset. Raises: ValueError for anything else."""
    if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(text)
    if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*", text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _zone(reading: Reading, path: KeyPath, text: str) -> ZoneInfo | None:
    if text in _zones():
        return ZoneInfo(text)
    miss = near_miss(text, sorted(_zones()))
    remedy = f"Did you mean `{miss}`?" if miss else "Name one of the tz database, for example `Europe/Berlin`"
    reading.problem(path, f"{name(path)} is `{shown(text)}`, which is no time zone", remedy)
    return None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
