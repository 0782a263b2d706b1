"""The lives of all findings in a form that is small enough to keep: a count for one viewer is then no look at them all.

A life is two numbers: the day on which the finding was first seen, and how it ended: the day on which it was fixed, or,
of what stands, its severity.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import chain
from typing import TypeAlias

from bot.domain.verdicts import Severity
from bot.domain.views import Counts

Place: TypeAlias = int | str
"""A project's id, or the full path of a group (empty: the instance)."""
Life: TypeAlias = tuple[Place, int, str, str | None]
"""Place, severity, and the days (`2026-01-31`) on which it was first seen and fixed."""
_FIXED = 10_000_000  # added to a day's number, which has seven digits at most; a severity has one


class Lives:
    """Of each place the numbers of its findings."""

    def __init__(self, found: Iterable[Life]) -> None:
        self._of: dict[Place, array[int]] = defaultdict(lambda: array("l"))
        days: dict[str, int] = {}

        def number(day: str) -> int:
            known = days.get(day)
            if known is None:
                known = days[day] = date.fromisoformat(day).toordinal()
            return known

        for place, severity, seen, fixed in found:
            self._of[place].extend((number(seen), severity if fixed is None else _FIXED + number(fixed)))
        self.groups = [place for place in self._of if isinstance(place, str)]
        self.all = _counts(Counter(chain.from_iterable(self._of.values())))

    def counts(self, places: Iterable[Place]) -> Counts:
        """Of these places; those without a finding may be among them."""
        kept = self._of
        return _counts(Counter(chain.from_iterable(kept[one] for one in places if one in kept)))


def _counts(numbers: Mapping[int, int]) -> Counts:
    standing: dict[Severity, int] = {}
    seen: dict[date, int] = {}
    fixed: dict[date, int] = {}
    most = max(Severity)
    for number, count in numbers.items():
        if number <= most:
            standing[Severity(number)] = count
        elif number < _FIXED:
            seen[date.fromordinal(number)] = count
        else:
            fixed[date.fromordinal(number - _FIXED)] = count
    return Counts(standing=standing, seen=seen, fixed=fixed)
