"""What `serve` shows of itself: metrics for a scraper, and a reading in the state for `ropewalk status`."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

import bot as package
from bot.domain.errors import TransientError
from bot.domain.readings import DaemonReading
from bot.domain.releases import Release
from bot.log import get
from bot.web.metrics import Metrics, Sources

if TYPE_CHECKING:
    from bot.app import App

KEEP_EVERY = 10.0  # seconds

log = get("instruments")


class Instruments:
    """The daemon's gauges. `started_at` is when it was made."""

    def __init__(self, bot: App) -> None:
        self._bot = bot
        self._polled_at: datetime | None = None
        self._keeping = threading.Lock()
        self._over = False
        self.started_at = bot.clock()
        self.metrics = Metrics(
            Sources(
                version=package.__version__,
                budget=lambda: bot.budget.reading(bot.clock()),
                states=bot.readings.states,
                due=lambda: bot.readings.due(bot.clock()),
                polled=lambda: self._polled_at or self.started_at,
                clock=bot.clock,
            )
        )

    def turn(self, release: Release) -> Release:
        """A turn, timed."""
        began = time.monotonic()
        try:
            return self._bot.turn(release)
        finally:
            self.metrics.turn(time.monotonic() - began)

    def polled(self) -> None:
        """A poll was completed."""
        self._polled_at = self._bot.clock()

    def keep(self, *, stopped: bool = False) -> None:
        """Write down what the daemon is like now. A state that cannot be written to is somebody else's worry."""
        with self._keeping:
            if self._over:
                return  # begun before the stop, and overtaken by it
            self._over = stopped
            try:
                self._bot.readings.keep(self._reading(stopped=stopped))
            except TransientError as error:
                log.warning("instruments.not_kept", reason=str(error))
            except Exception as error:  # whatever the database raises: showing is not worth a stop
                log.warning("instruments.not_kept", exc_info=error)

    def _reading(self, *, stopped: bool) -> DaemonReading:
        now = self._bot.clock()
        return DaemonReading(
            version=package.__version__,
            started_at=self.started_at,
            at=now,
            stopped=stopped,
            polled_at=self._polled_at,
            budget=self._bot.budget.reading(now),
        )

    async def keep_on(self) -> None:
        """Write it down now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self.keep)
            await asyncio.sleep(KEEP_EVERY)
