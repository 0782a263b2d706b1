"""Freezes: times in which nothing new is published. Local times become moments by the rules of their zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.domain.refs import matches_path

WEEK = timedelta(days=7)
# So many windows that follow one another without a gap have no end that helps anybody.
MOST_LINKS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Once, from one moment to another; `end` itself is free again. Both are UTC."""

    start: datetime
    end: datetime

    def end_at(self, now: datetime) -> datetime | None:
        """When what holds at `now` ends; None if nothing does."""
        return self.end if self.start <= now < self.end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Every week, from one local time to another, given as time since Monday 00:00; they differ.

    An `end` before `start` is the following week's. A local time that the clocks skip stands for the moment of the
    skip; of one that comes twice `start` is the first, `end` the second, so that a window is never cut short.
    """

    start: timedelta
    end: timedelta
    zone: tzinfo

    def end_at(self, now: datetime) -> datetime | None:
        """When what holds at `now` ends (UTC); None if nothing does."""
        today = now.astimezone(self.zone).date()
        monday = datetime.combine(today - timedelta(days=today.weekday()), time())
        length = self.end if self.end > self.start else self.end + WEEK
        for week in (monday - WEEK, monday):
            start, end = moment(week + self.start, self.zone), moment(week + length, self.zone, last=True)
            if start <= now < end:
                return end
        return None


def moment(local: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """A zone's local time (without zone) as a moment, UTC; `last` takes the second of a time that comes twice.

    A time that the clocks skip is the moment of the skip.
    """
    found = local.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    return found if found.astimezone(zone).replace(tzinfo=None) == local else _skip(local.replace(microsecond=0), zone)


def _skip(local: datetime, zone: tzinfo) -> datetime:
    """When the clocks were set forward over a local time, to the second.

    Read by the clock of either side of it (PEP 495, `fold`), that time is not after the skip, and not before it.
    """
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    summer = late.astimezone(zone).utcoffset()
    before, after = 0, int((late - early).total_seconds())
    while after - before > 1:
        middle = (before + after) // 2
        if (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == summer:
            after = middle
        else:
            before = middle
    return early + timedelta(seconds=after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """One entry of `freeze`, or one of GitLab's own.

    `owner` is who may lift it, in words, `place` where; `where` is its place in the configuration.
    """

    name: str
    window: Span | Weekly
    zone: tzinfo
    projects: tuple[str, ...] = ("**",)
    owner: str | None = None
    where: str = ""
    place: str = "in the policy"

    def covers(self, project: str) -> bool:
        """Whether it speaks of a project, by full path."""
        return any(matches_path(pattern, project) for pattern in self.projects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What holds now. `until` (UTC) is when no freeze holds any more; None if no such moment is in sight."""

    by: tuple[Freeze, ...]
    until: datetime | None


def frozen(freezes: Iterable[Freeze], now: datetime) -> Frozen | None:
    """The freezes that hold at `now`, those named first that do; None if none does.

    One that ends within another, or where another begins, does not end the frozen time.
    """
    freezes = tuple(freezes)
    by = tuple(freeze for freeze in freezes if freeze.window.end_at(now) is not None)
    if not by:
        return None
    until = now
    for _ in range(MOST_LINKS):
        ends = [end for freeze in freezes if (end := freeze.window.end_at(until)) is not None]
        if not ends:
            return Frozen(by=by, until=until)
        until = max(ends)
    return Frozen(by=by, until=None)
