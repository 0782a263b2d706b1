"""Count requests per thread: a turn runs in one thread, so the difference over a step is what the step cost."""

from __future__ import annotations

import threading


class Meter:
    """A counter with one total per thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def tick(self) -> None:
        """Count one request of the calling thread."""
        self._local.count = self.count() + 1

    def count(self) -> int:
        """Requests of the calling thread so far."""
        return int(getattr(self._local, "count", 0))
