"""What `serve` shows of itself: metrics for a scraper, health, and a reading in the state for `ropewalk status`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

import bot as package
from bot.domain.errors import CredentialsError, PutOffError, RefusedError, TransientError
from bot.domain.readings import DaemonReading
from bot.domain.spans import SpanName
from bot.log import get
from bot.web.metrics import Metrics, Sources

if TYPE_CHECKING:
    from bot.app import App

KEEP_EVERY = 10.0  # seconds

log = get("instruments")


class Instruments:
    """The daemon's gauges. `started_at` is when it was made.

    `trouble` says why the last poll of this process failed, empty if it did not; `kept` whether it could write to the
    state when it last tried.
    """

    def __init__(self, bot: App) -> None:
        self._bot = bot
        self._polled_at: datetime | None = None
        self._keeping = threading.Lock()
        self._over = False
        self.trouble = ""
        self.kept: bool | None = None
        self.started_at = bot.clock()
        self.metrics = Metrics(
            Sources(
                version=package.__version__,
                budget=lambda: bot.budget.reading(bot.clock()),
                states=bot.readings.states,
                due=lambda: bot.readings.due(bot.clock()),
                findings=bot.readings.findings,
                tokens=lambda: bot.readings.tokens(bot.clock().date()),
                polled=lambda: max(self.last_poll() or self.started_at, self.started_at),
                clock=bot.clock,
                expires=lambda: _day(bot.identity.expires_on),
                indexes=tuple(index.name for index in bot.settings.policy.indexes),
            )
        )
        bot.hear(self.metrics.heard)

    def job(self, name: str, work: Callable[[], None]) -> Callable[[], None]:
        """A job of the timer, timed."""

        def timed() -> None:
            with self._bot.spans.span(SpanName.JOB, job=name):
                work()

        return timed

    def polled(self) -> None:
        """A poll was completed."""
        self._polled_at = self._bot.clock()
        self.trouble = ""

    def poll_failed(self, error: Exception) -> None:
        """A poll was not. What is shown of it are words of ours: whoever asks for them need not sign in."""
        self.trouble = _trouble(error)

    def last_poll(self) -> datetime | None:
        """When the last completed poll of any process on this state began, by our clock; None before the first.

        Raises whatever a state raises that cannot be read.
        """
        polled = self._bot.store.intake.cursor("poll")
        return None if polled is None else polled + self._bot.api.ahead()

    def keep(self, *, stopped: bool = False) -> None:
        """Write down what the daemon is like now. A state that cannot be written to is somebody else's worry."""
        with self._keeping:
            if self._over:
                return  # begun before the stop, and overtaken by it
            self._over = stopped
            try:
                self._bot.readings.keep(self._reading(stopped=stopped))
                self.kept = True
            except TransientError as error:
                self.kept = False
                log.warning("instruments.not_kept", reason=str(error))
            except Exception as error:  # whatever the database raises: showing is not worth a stop
                self.kept = False
                log.warning("instruments.not_kept", exc_info=error)

    def _reading(self, *, stopped: bool) -> DaemonReading:
        now = self._bot.clock()
        return DaemonReading(
            version=package.__version__,
            started_at=self.started_at,
            at=now,
            stopped=stopped,
            polled_at=self._completed(),
            budget=self._bot.budget.reading(now),
        )

    def _completed(self) -> datetime | None:
        """When the last poll ended, as far as this process knows; where others poll, too, when the last one began."""
        there = None if self._bot.membership is None else self.last_poll()
        return max((one for one in (self._polled_at, there) if one is not None), default=None)

    async def keep_on(self) -> None:
        """Write it down now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self.keep)
            await asyncio.sleep(KEEP_EVERY)


def _trouble(error: Exception) -> str:
    match error:
        case CredentialsError():
            return "GitLab refuses the token"
        case PutOffError():
            return "GitLab, or the budget of its API, allows no request now"
        case TransientError():
            return "GitLab, or the state, does not answer"
        case RefusedError():
            return "GitLab refuses what the poll asks"
        case _:
            return "a fault of ours"


def _day(text: str | None) -> date | None:
    """The day that GitLab tells; None for none, or for what is no day."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
