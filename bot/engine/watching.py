"""What the daemon's time slots do to watch: poll, look at projects, list the scope anew. Whatever goes wrong is logged.

Nothing here keeps anything: the next slot begins where the records stand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import RefusedError, TransientError
from bot.log import get
from bot.ports.store import Due
from bot.watch.poll import Seen, Tick, Watcher

LOOKS_A_RUN = 500  # then others get their slot
# What was compared this soon after the start is compared once more: hooks may have come to a door that was not open.
OPENS_WITHIN = timedelta(seconds=30)
ABREAST = 4  # looks at a time: a look is two questions and much waiting; how many a minute is the API budget's to say

log = get("watch")


class Watching:
    """The watch jobs of one process. Each may be called in a thread of its own."""

    def __init__(
        self,
        watcher: Watcher,
        *,
        wake: Callable[[], None],
        look_soon: Callable[[], None],
        stopping: Callable[[], bool],
        work: Callable[[], AbstractContextManager[None]] = nullcontext,
        polled: Callable[[], None] = lambda: None,
        failed: Callable[[Exception], None] = lambda _: None,
        heads: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` lets due turns run; `look_soon` asks for a `look` of its own slot; `heads` hears of new commits that
        may have to be tagged.

        Each job is done within `work`, the API budget's; `polled` hears of each completed poll, `failed` of what ended
        one.
        """
        self._lookers = ThreadPoolExecutor(ABREAST, thread_name_prefix="look")
        listening = watcher.clock() + OPENS_WITHIN
        self._watcher = replace(watcher, listening=listening, abreast=ABREAST, together=self._together)
        self._wake = wake
        self._look_soon = look_soon
        self._stopping = stopping
        self._work = work
        self._polled = polled
        self._failed = failed
        self._heads = heads
        self._looking = threading.Lock()

    def poll(self) -> None:
        """Ask which projects were active, and look at them."""
        with _told("poll"), self._work():
            try:
                active = self._watcher.poll()
            except Exception as error:
                self._failed(error)
                raise
            self._polled()
            log.debug("watch.polled", projects=active)
            self._look()

    def look(self) -> None:
        """Look at the projects that ask for it."""
        with _told("look"), self._work():
            self._look()

    def enrol(self) -> None:
        """List everything in scope, and look at what is new."""
        with _told("enrol"), self._work():
            found = self._watcher.enrol()
            log.info("watch.enrolled", projects=found.projects, left=len(found.left))
            for path in found.left:
                log.info("watch.left", project=path)
            self._look()

    def _together(self, look: Callable[[Due], Seen], some: Sequence[Due]) -> Iterable[Seen]:
        def one(due: Due) -> Seen:
            with self._work():
                return look(due)

        return self._lookers.map(one, some)

    def _look(self) -> None:
        if not self._looking.acquire(blocking=False):
            self._look_soon()  # whoever is at it may be past what we were asked for
            return
        try:
            tick = self._watcher.look(LOOKS_A_RUN, self._stopping)
        finally:
            self._looking.release()
            self._wake()
        _tell(tick)
        if any(change.decision == "tag" for change in tick.changes):
            self._heads()
        if tick.looked == LOOKS_A_RUN:
            self._look_soon()


@contextmanager
def _told(job: str) -> Iterator[None]:
    try:
        yield
    except TransientError as error:
        log.warning("watch.put_off", job=job, reason=str(error))
    except RefusedError as error:
        log.error("watch.refused", job=job, reason=str(error))
    except Exception as error:
        log.error("watch.fault", job=job, exc_info=error)


def _tell(tick: Tick) -> None:
    for path, reason in tick.skipped:
        log.warning("watch.skipped", project=path, reason=reason)
    for path in tick.left:
        log.info("watch.left", project=path)
    for one in tick.changes:
        change = one.change
        log.info(
            "watch.change",
            project=change.project,
            ref=change.ref,
            sha=change.sha,
            action=change.action.value,
            decision=one.decision,
        )
    if tick.stopped:
        log.warning("watch.put_off", job="look", reason=tick.stopped)
