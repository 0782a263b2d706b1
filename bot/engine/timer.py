"""The timer: APScheduler says when, whoever takes the slots says what is done, and does each slot once.

A slot is a moment of a grid that is the same in every process and after every start, so that processes that count for
themselves name the same slots. Nothing is kept here that a restart would miss.

APScheduler goes by the machine's clock, slots are named by the one that all processes share: else a machine that is an
hour ahead would take the slots of the hour to come from the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.domain.errors import ConfigError
from bot.log import get

GRID = datetime(2024, 1, 1, tzinfo=UTC)  # where all grids begin; moving it renames every slot
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # as cron numbers them
SOON = timedelta(seconds=1)  # what is asked for within one second is one slot
SET_BACK = timedelta(seconds=2)  # more than a clock is corrected by between two looks at it, unless it is set

log = get("timer")

Submit = Callable[[str, datetime], bool]
"""Takes a job's name and the moment of its slot; False if the job's last run is not over."""


def machine_now() -> datetime:
    """This machine's time, UTC."""
    return datetime.now(UTC)


class Timer:
    """Submits the slots of jobs. A slot whose job is still at work is left out."""

    def __init__(
        self,
        submit: Submit,
        clock: Callable[[], datetime] = machine_now,
        machine: Callable[[], datetime] = machine_now,
    ) -> None:
        """`submit` is called in the timer's thread (in `start` also in the caller's) and should be quick.

        Slots are named by `clock`, but for those of a `cron` line, which goes by the `machine`'s.
        """
        self._submit = submit
        self._clock, self._machine = clock, machine
        self._leads = self._read()
        self._times = 0  # that `clock` was set back
        self._intervals: dict[str, timedelta] = {}
        self._at_start: set[str] = set()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": _Slots(self._come)},
            # However late we are, the newest missed slot is submitted, once.
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def every(self, interval: timedelta, name: str, *, at_start: bool = False) -> None:
        """A slot at every interval. `start` catches up with the newest that passed, or, `at_start`, adds one of now."""
        self._intervals[name] = interval
        if at_start:
            self._at_start.add(name)
        trigger = IntervalTrigger(seconds=interval.total_seconds(), start_date=GRID, timezone=UTC)
        self._scheduler.add_job(_nothing, trigger, id=name, name=name)

    def cron(self, line: str, name: str) -> None:
        """A slot at each moment of a cron line, in UTC. What passed while nobody counted is not caught up with.

        Raises: ConfigError for a line that names no moments.
        """
        try:
            trigger = cron_trigger(line)
        except ValueError:
            remedy = 'Five fields: minute, hour, day, month, weekday, for example "0 6 * * 1-5"'
            raise ConfigError(what=f"`{line}` is no cron line", where="hygiene.audit", remedy=remedy) from None
        self._scheduler.add_job(_nothing, trigger, id=name, name=name)

    def soon(self, name: str, *, after: timedelta = SOON) -> None:
        """A slot of its own at the next whole second, for all who ask until then; later ones while the job works.

        `after` puts it off, to the second.
        """
        self._once(name, self._clock().replace(microsecond=0) + after)

    def start(self) -> None:
        """Catch up, then submit slots as they come."""
        now = self._clock()
        for name, interval in self._intervals.items():
            self._take(name, now if name in self._at_start else latest(interval, now))
        self._scheduler.start()

    def mind(self) -> timedelta:
        """Look whether a clock was set back, and go on by what it says now; returns by how much it was, or nought.

        To be called every few seconds. APScheduler by itself would wait until the clock has caught up.
        """
        before, self._leads = self._leads, self._read()
        clock, machine = (old - new for old, new in zip(before, self._leads, strict=True))
        if clock > SET_BACK:
            self._times += 1
        if machine > SET_BACK:
            for job in self._scheduler.get_jobs():
                trigger = DateTrigger(self._machine()) if job.args else job.trigger
                self._scheduler.reschedule_job(job.id, trigger=trigger)
        return max((one for one in (clock, machine) if one > SET_BACK), default=timedelta())

    def stop(self) -> None:
        """Submit no more."""
        if self._scheduler.running:
            self._scheduler.shutdown()

    def _come(self, job: Job, moment: datetime) -> None:
        """A job's moment of the machine's clock has come."""
        name, interval = job.name, self._intervals.get(job.id)
        if job.args:
            if not self._take(name, job.args[0]):
                # Who asked for it must get a run that begins after they asked; the one at work began before.
                self._once(name, max(self._clock().replace(microsecond=0), job.args[0]) + SOON)
        elif interval is not None:
            self._take(name, latest(interval, moment + self._ahead() + interval / 2))  # the nearest
        else:
            self._take(name, moment)

    def _once(self, name: str, slot: datetime) -> None:
        trigger, job_id = DateTrigger(slot - self._ahead()), f"{name} {slot:%d %H:%M:%S}"
        self._scheduler.add_job(_nothing, trigger, args=(slot,), id=job_id, name=name, replace_existing=True)

    def _ahead(self) -> timedelta:
        """By how much the clock that names slots is ahead of the machine's."""
        return self._clock() - self._machine()

    def _read(self) -> tuple[timedelta, timedelta]:
        """By how much each clock is ahead of the steady one."""
        steady = timedelta(seconds=time.monotonic())
        return self._clock() - GRID - steady, self._machine() - GRID - steady

    def _take(self, name: str, slot: datetime) -> bool:
        try:
            # Else it would be named as one of the hour that came twice, and count as done.
            return self._submit(name, slot + timedelta(microseconds=self._times))
        except Exception as error:  # the timer's thread, which has other jobs to mind
            log.error("timer.unsubmitted", job=name, slot=slot, exc_info=error)
            return False


def latest(interval: timedelta, now: datetime) -> datetime:
    """The newest slot of a grid that is not after `now` (UTC)."""
    return now - (now - GRID) % interval


def cron_trigger(line: str) -> CronTrigger:
    """A cron line as cron reads it. Raises: ValueError.

    APScheduler counts weekdays from Monday, cron from Sunday: they are given by name.
    """
    minute, hour, day, month, weekday = line.split()
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=UTC)


def _weekdays(field: str) -> str:
    """`1-5` as `mon,tue,wed,thu,fri`; names and stars stay. Raises: ValueError."""
    named: list[str] = []
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            named.append(part)
            continue
        low, high = int(first), int(last) if dash else 7 if slash else int(first)
        if not 0 <= low <= high <= 7 or (slash and not step.isdigit()) or (slash and int(step) == 0):
            raise ValueError(field)
        named += [WEEKDAYS[number % 7] for number in range(low, high + 1, int(step) if slash else 1)]
    return ",".join(dict.fromkeys(named))


class _Slots(BaseExecutor):  # type: ignore[misc]  # APScheduler is not typed
    """An executor that runs nothing: it alone is told the moments for which a job was scheduled."""

    def __init__(self, come: Callable[[Job, datetime], None]) -> None:
        super().__init__()
        self._come = come

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._come(job, run_times[-1].astimezone(UTC))
        self._run_job_success(job.id, [])


def _nothing(*slot: object) -> None:
    """APScheduler wants a function for each job; its executor here calls none."""
