"""What hooks told lately: of pipelines before their ref was known (GitLab sends them in any order), and of whom at all.

Kept in memory alone: whoever does not know it asks GitLab or the state more often than need be, and that is all.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

MOST = 10_000  # keys: some minutes of the pipelines of a large organisation
AGAIN = timedelta(minutes=10)  # a fraction of the hour for which a hook counts


class Early:
    """The newest keys of releases whose pipelines were told of while there was no such release."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def note(self, key: str) -> None:
        """Remember one; the oldest is forgotten for it where there are too many."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)

    def __contains__(self, key: str) -> bool:
        return key in self._keys


class Lately:
    """Of whom it was written down lately that a hook told of it."""

    def __init__(self, again: timedelta = AGAIN, most: int = MOST) -> None:
        self._again = again
        self._most = most
        self._at: OrderedDict[str, datetime] = OrderedDict()

    def passed(self, key: str, now: datetime) -> bool:
        """Whether it is time to write it down once more; if so, it counts as written now."""
        last = self._at.get(key)
        if last is not None and abs(now - last) < self._again:
            return False
        self._at[key] = now
        self._at.move_to_end(key)
        if len(self._at) > self._most:
            self._at.popitem(last=False)
        return True
