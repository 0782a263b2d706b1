"""The runner of turns in one process: due rows in, threads at work, one turn a project at a time.

This is the small interface beneath which a durable engine may come: enqueue (a row with `due_at`), run due turns.
Nothing is kept here that a restart would miss: what is due is written in the rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.releases import Release, ReleaseState
from bot.log import get
from bot.ports.store import Queue

# A turn asked for by another process (the command line) is found by looking; one asked for here wakes us at once.
LOOK_EVERY = 0.5  # seconds
MOST_FAULTS = 5
FAULT_DELAY = timedelta(seconds=15)

log = get("engine")

Turn = Callable[[Release], Release]


class Runner:
    """Runs due turns until stopped."""

    def __init__(self, *, queue: Queue, turn: Turn, clock: Callable[[], datetime], workers: int) -> None:
        self._queue = queue
        self._turn = turn
        self._clock = clock
        self._workers = workers
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="turn")
        self._busy: dict[int, Future[None]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.heartbeat: datetime | None = None

    def wake(self) -> None:
        """Look for due turns now."""
        self._wake.set()

    def run(self) -> None:
        """Run due turns until `stop` is called. Blocks; errors of the store end it."""
        while not self._stop.is_set():
            self._wake.clear()
            self.run_due()
            self._wake.wait(LOOK_EVERY)

    def run_due(self) -> int:
        """Start every due turn that may start now; returns how many."""
        now = self.heartbeat = self._clock()
        started = 0
        with self._lock:
            free = self._workers - len(self._busy)
            if free <= 0:
                return 0
            for release in self._startable(now, free):
                if not self._stop.is_set():
                    self._busy[release.id.project_id] = self._pool.submit(self._work, release)
                    started += 1
        return started

    def _startable(self, now: datetime, free: int) -> list[Release]:
        """The longest overdue release of each of up to `free` idle projects.

        Asks for more rows as long as busy projects fill what came: one with many due tags must not hold up the others.
        """
        limit = free + len(self._busy) + 20
        while True:
            due = self._queue.due(now, limit=limit)
            first: dict[int, Release] = {}
            for release in due:
                if release.id.project_id not in self._busy:
                    first.setdefault(release.id.project_id, release)
            if len(first) >= free or len(due) < limit:
                return list(first.values())[:free]
            limit *= 4

    def stop(self, timeout: float) -> bool:
        """Start no more turns and wait for those at work, at most `timeout` seconds; False if some still are."""
        self._stop.set()
        self._wake.set()
        with self._lock:
            waiting = list(self._busy.values())
        deadline = threading.Event()
        timer = threading.Timer(timeout, deadline.set)
        timer.start()
        try:
            for future in waiting:
                while not future.done() and not deadline.wait(0.05):
                    pass
        finally:
            timer.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return all(future.done() for future in waiting)

    def _work(self, release: Release) -> None:
        written = False
        try:
            end_turn(self._queue, release, self._turn, self._clock)
            written = True
        except Exception as error:  # a thread of a pool: nobody else would ever see it
            log.error("turn.unwritten", project=release.project, ref=release.id.ref, exc_info=error)
        finally:
            with self._lock:
                self._busy.pop(release.id.project_id, None)
            if written:  # else the row is still due: it is found again by looking, not at once and for ever
                self._wake.set()


def end_turn(queue: Queue, release: Release, turn: Turn, clock: Callable[[], datetime]) -> Release:
    """Run one turn and write its row. A fault of ours is caught here, counted, and in the end shown as a failure."""
    began = clock()
    try:
        ended = turn(release)
    except Exception as error:  # noqa: BLE001  (the last place that can keep one release's fault from all others)
        ended = _fault(release, clock(), error)
    written = queue.finish(ended, wake_seen=release.wake)
    log.info(
        f"release.{ended.state.value}" if ended.state is not release.state else "turn.ended",
        project=ended.project,
        ref=ended.id.ref,
        state=ended.state.value,
        seconds=round((clock() - began).total_seconds(), 3),
        next=ended.next,
        written=written,
    )
    return ended


def _fault(release: Release, now: datetime, error: Exception) -> Release:
    faults = release.faults + 1
    log.error("turn.fault", project=release.project, ref=release.id.ref, faults=faults, exc_info=error)
    poison = faults >= MOST_FAULTS
    return replace(
        release,
        state=ReleaseState.FAILED if poison else release.state,
        next=f"fault in the bot ({type(error).__name__}), see its log"
        + ("; resume once it is mended" if poison else ""),
        updated_at=now,
        due_at=None if poison else now + FAULT_DELAY * faults,
        faults=faults,
    )
