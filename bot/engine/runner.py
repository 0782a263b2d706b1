"""What runs turns while the bot serves: due rows in, turns delivered by the durable engine, one a project at a time.

The rows say what is due; the engine's file only says what is being delivered. So a lost file loses nothing, a turn
delivered twice is refused by its number, and what a row no longer asks for is not done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.errors import FencedError, TransientError
from bot.domain.releases import DueTurn, Release, ReleaseState
from bot.engine.durable import Engine, Fate, Shared
from bot.engine.local import Hold, Turn, alone, end_turn
from bot.log import get
from bot.ports.store import Queue

# A turn asked for by another process (the command line) is found by looking; one asked for here wakes us at once.
LOOK_EVERY = 0.5  # seconds
LONGEST_PAUSE = 10.0  # seconds between looks that fail
AHEAD = 2  # turns asked for per worker, so that none waits for us when it is free
STALE = timedelta(seconds=15)  # a turn asked for and not begun by then is looked after
LEFT_LYING = timedelta(seconds=5)  # due for so long: whoever it falls to is busy, or dead
KEEP_FINISHED = timedelta(days=3)  # longer than the longest slot, so that none is run twice

log = get("engine")


@dataclass(slots=True)
class _Asked:
    """A turn that was asked for and has not ended."""

    key: str
    number: int
    at: datetime
    begun: bool = False


class Runner:
    """Runs due turns and scheduled jobs until stopped."""

    def __init__(
        self,
        *,
        queue: Queue,
        turn: Turn,
        clock: Callable[[], datetime],
        workers: int,
        path: Path | Shared,
        hold: Hold = alone,
        ours: Callable[[int], bool] | None = None,
        jobs: Mapping[str, Callable[[], None]] | None = None,
        stopped: Callable[[Release], None] = lambda _: None,
    ) -> None:
        """`path` is the engine's file, whose lock must be held, or the database that it shares with other processes.

        `hold` keeps a turn from the others; `ours` says which projects fall to this process (None: all) while more is
        due than it may ask for. `slot` may run `jobs`, by name; more may be added. `stopped` hears of a release that
        was stopped while a process was at its turn, once nobody can be any more.
        """
        self._shared = isinstance(path, Shared)
        self._hold = hold
        self._ours = ours or (lambda _: True)
        self._queue = queue
        self._turn = turn
        self._stopped = stopped
        self._clock = clock
        self._workers = workers
        self.jobs = dict(jobs or {})
        self._engine = Engine(path, turn=self._take, slot=self._job, workers=workers)
        self._asked: dict[int, _Asked] = {}  # by project
        self._elsewhere: dict[int, _Asked] = {}  # by project: what another process asked for before us
        self._at_work: dict[int, str] = {}  # key of the release in turn, by project
        self._jobs_at_work: list[str] = []
        self._look = threading.Lock()  # held while the engine is asked, so that it is not closed meanwhile
        self._idle = threading.Condition()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.heartbeat: datetime | None = None
        self.ordered: datetime | None = None  # when the engine last took an order

    def start(self) -> None:
        """Launch the engine, which takes up what was under way. Raises: ConfigError."""
        self._engine.launch()

    def wake(self) -> None:
        """Look for due turns now."""
        self._wake.set()

    def slot(self, job: str, at: datetime) -> bool:
        """Run a job for the slot that began `at`, once; False if its last run is not over yet."""
        taken = self._engine.slot(job, at)
        self.ordered = self._clock()
        if taken:
            return True
        with self._idle:
            if job in self._jobs_at_work:
                return False
        # It waits for its turn, or its last run is over and a full disk kept that from being written.
        return self._release_lost(self._clock()) > 0 and self._engine.slot(job, at)

    def adopt(self, living: Collection[str], taken: Collection[str]) -> int:
        """See bot.engine.replicas.Adopt."""
        with self._look:
            adopted = 0 if self._stop.is_set() else self._engine.adopt(living, taken)
        if adopted:
            self.wake()
        return adopted

    def clean(self) -> None:
        """Delete what the engine finished days ago."""
        deleted = self._engine.clean(self._clock() - KEEP_FINISHED)
        log.info("engine.cleaned", workflows=deleted)

    def run(self) -> None:
        """Ask for due turns until `stop` is called. Blocks.

        What store or engine cannot do now (a full disk, a database that restarts) is tried again; meanwhile the
        heartbeat stands still.
        """
        pause = LOOK_EVERY
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.run_due()
                pause = LOOK_EVERY
            except Exception as error:
                if isinstance(error, TransientError):
                    log.warning("engine.put_off", reason=str(error))
                else:
                    log.error("engine.fault", exc_info=error)
                pause = min(2 * pause, LONGEST_PAUSE)
                self._stop.wait(pause)
            self._wake.wait(LOOK_EVERY)

    def run_due(self) -> int:
        """Ask for every due turn that may be asked for now; returns how many."""
        with self._look:
            return 0 if self._stop.is_set() else self._run_due()

    def _run_due(self) -> int:
        now = self._clock()
        with self._idle:
            stale = {p: one for p, one in self._asked.items() if not one.begun and now - one.at > STALE}
        self._look_after(stale, now)
        started = 0
        while rows := self._startable(now):
            asked = [self._ask(one, now) for one in rows if not self._stop.is_set()]
            started += sum(asked)
            if all(asked):
                break  # else others were quicker, and there may be room for more
        self.heartbeat = now
        return started

    def stop(self, timeout: float) -> bool:
        """Begin no more turns and jobs and wait for those at work, at most `timeout` seconds; False if some still are.

        Those are done again by the next process, as after a kill.
        """
        self._stop.set()
        self._wake.set()
        with self._idle:
            self._idle.wait_for(lambda: not self.busy, timeout)
        with self._look:
            self._engine.close()
        return not self.busy

    @property
    def stopping(self) -> bool:
        """Whether jobs and turns had better come to an end."""
        return self._stop.is_set()

    @property
    def busy(self) -> bool:
        """Whether a turn or a job is at work in this process."""
        return bool(self._at_work or self._jobs_at_work)

    def _startable(self, now: datetime) -> list[DueTurn]:
        """The longest overdue turn of each project that has none under way, as many as may be asked for.

        Asks for more rows as long as busy projects fill what came: one with many due tags must not hold up the others.
        """
        with self._idle:
            free = max(self._workers * AHEAD - len(self._asked), 0)
            idle = len(self._at_work) < self._workers
            busy = self._asked.keys() | self._elsewhere.keys()
        if not free and not self._shared:
            return []
        limit = free + len(busy) + 20
        while True:
            due = self._queue.due(now, limit=limit)
            first: dict[int, DueTurn] = {}
            for one in due:
                if one.project_id not in busy:
                    first.setdefault(one.project_id, one)
            ours = {project: one for project, one in first.items() if self._ours(project)}
            if len(ours) >= free or len(due) < limit:
                break
            limit *= 4
        if self._shared:
            self._forget_others(due, now)
        # Few are asked for by whoever sees them first. Of many each process begins with its own: were all to ask for
        # the same ones, most questions would be for nothing. What the others leave lying is done by whoever is idle.
        left = {p: one for p, one in first.items() if idle and now - one.due_at > LEFT_LYING}
        chosen = first if len(first) <= free else ours | left
        return list(chosen.values())[:free]

    def _ask(self, one: DueTurn, now: datetime) -> bool:
        with self._idle:  # before asking: the turn may begin, and end, before `ask` returns
            self._asked.setdefault(one.project_id, _Asked(one.key, one.turn, now))
        fate = self._engine.ask(one.project_id, one.key, one.turn)
        self.ordered = now
        if fate is Fate.GIVEN_UP:
            self._give_up(one, now)
            self._answered(one.key, one.turn)
        elif fate is Fate.UNDER_WAY and self._shared:
            self._leave_to_others(one.project_id)
        return fate is Fate.ASKED

    def _leave_to_others(self, project: int) -> None:
        """What another process asked for takes none of our room: it may be at work on it, for as long as it likes."""
        with self._idle:
            asked = self._asked.get(project)
            if asked is not None and not asked.begun:
                self._elsewhere[project] = self._asked.pop(project)

    def _forget_others(self, due: Collection[DueTurn], now: datetime) -> None:
        """What is not due any more was done by another process. What is, and is forgotten, is asked for once more."""
        there = {(one.key, one.turn) for one in due}
        with self._idle:
            for project, one in list(self._elsewhere.items()):
                if (one.key, one.number) not in there or now - one.at > STALE:
                    del self._elsewhere[project]
            for project, one in list(self._asked.items()):
                if not one.begun and (one.key, one.number) not in there:
                    del self._asked[project]

    def _look_after(self, stale: Mapping[int, _Asked], now: datetime) -> None:
        """Turns that do not begin: behind others, given up by the engine, or behind one whose end was not written."""
        if not stale:
            return
        self._release_lost(now)
        for project, asked in stale.items():
            release = self._queue.release(asked.key)
            with self._idle:
                if self._asked.get(project) is asked and not asked.begun:
                    del self._asked[project]
            due_at = None if release is None or release.turn != asked.number else release.due_at
            if due_at is not None and due_at <= now:
                self._ask(DueTurn(key=asked.key, project_id=project, turn=asked.number, due_at=due_at), now)

    def _release_lost(self, now: datetime) -> int:
        with self._idle:
            turns, jobs = tuple(self._at_work.values()), tuple(self._jobs_at_work)
        lost = self._engine.release_lost(turns, jobs, now)
        if lost:
            log.warning("engine.lost", workflows=lost)
        return lost

    def _give_up(self, one: DueTurn, now: datetime) -> None:
        release = self._queue.release(one.key)
        if release is None or release.turn != one.turn:
            return
        log.error("turn.poison", project=release.project, ref=release.id.ref)
        failed = replace(
            release,
            state=ReleaseState.FAILED,
            next="the bot died again and again in this turn, see its log; resume once it is mended",
            updated_at=now,
            due_at=None,
            faults=release.faults + 1,
        )
        self._queue.finish(failed, wake_seen=release.wake)

    def _take(self, key: str, number: int) -> str:
        """One turn, as the engine delivers it; the word says how it ended. Never raises: a raise would be kept."""
        try:
            release = self._queue.release(key)
            if release is None or release.turn != number:
                if release is not None and release.due_at is None:
                    self._stopped(release)
                return "over"
            if not self._begin(release):
                return "stopped"
            try:
                if release.due_at is None or release.due_at > self._clock():
                    return "not asked for any more"
                ended = end_turn(self._queue, release, self._turn, self._clock, self._hold)
            finally:
                self._end(release.id.project_id)
        except FencedError as error:
            log.warning("turn.fenced", key=key, turn=number, reason=str(error))
            return "fenced"
        except TransientError as error:
            log.warning("turn.unwritten", key=key, turn=number, reason=str(error))
            return "unwritten"
        except Exception as error:  # a thread of the engine: nobody else would ever see it
            log.error("turn.unwritten", key=key, turn=number, exc_info=error)
            return "unwritten"  # the row is still due: it is found again by looking, not at once and for ever
        finally:
            self._answered(key, number)
        self._wake.set()
        return "taken over" if ended is None else ended.state.value

    def _begin(self, release: Release) -> bool:
        """Take the project, unless the bot is stopping or the project is taken."""
        project = release.id.project_id
        with self._idle:
            if self._stop.is_set() or project in self._at_work:
                return False
            self._at_work[project] = release.key
            asked = self._asked.setdefault(project, _Asked(release.key, release.turn, release.updated_at))
            asked.begun = asked.begun or (asked.key, asked.number) == (release.key, release.turn)
        return True

    def _end(self, project: int) -> None:
        with self._idle:
            del self._at_work[project]
            self._idle.notify_all()

    def _answered(self, key: str, number: int) -> None:
        """That turn is not under way any more, whatever came of it."""
        with self._idle:
            for project in [p for p, one in self._asked.items() if (one.key, one.number) == (key, number)]:
                del self._asked[project]

    def _job(self, name: str) -> str:
        """One slot of a job."""
        job = self.jobs.get(name)
        with self._idle:
            if job is None or self._stop.is_set():
                return "not run"
            self._jobs_at_work.append(name)
        try:
            job()
        except TransientError as error:
            log.warning("job.put_off", job=name, reason=str(error))
            return "put off"
        except Exception as error:  # as in `_take`
            log.error("job.fault", job=name, exc_info=error)
            return "fault"
        finally:
            with self._idle:
                self._jobs_at_work.remove(name)
                self._idle.notify_all()
        return "done"
