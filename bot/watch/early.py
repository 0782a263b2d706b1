"""What hooks told of before the ref it belongs to was known: GitLab sends them in any order.

Kept in memory alone: whoever does not know it asks GitLab more often than need be, and that is all.
"""

from __future__ import annotations

from collections import OrderedDict

MOST = 10_000  # keys: some minutes of the pipelines of a large organisation


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
