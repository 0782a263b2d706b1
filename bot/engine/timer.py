"""The timer: APScheduler says when, others do the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler


class Timer:
    """Calls functions at intervals in one thread of its own; a call never overlaps the one before it."""

    def __init__(self) -> None:
        # In-process jobs only: what must not be lost is a row, not a job.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def every(self, interval: timedelta, name: str, call: Callable[[], None]) -> None:
        """Call now and then at every interval. `call` handles its own errors."""
        self._scheduler.add_job(
            call, "interval", seconds=interval.total_seconds(), id=name, next_run_time=datetime.now(UTC)
        )

    def soon(self, name: str) -> None:
        """Bring the next call of a job forward to now."""
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Begin to call."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more; does not wait for a call under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
