"""The API budget: every request to GitLab asks it first, and every answer is told to it.

It holds what each limit still allows (see `allowance`), for one GitLab and all threads of the process. Processes that
share a state share it, too (see `shared_budget`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.adapters.gitlab import allowance
from bot.adapters.gitlab.allowance import Allowance
from bot.adapters.gitlab.answers import Answer, host
from bot.adapters.gitlab.endpoints import THROTTLES, Endpoint, Key, Route, quotas_of, throttle_of
from bot.domain.errors import PutOffError
from bot.domain.readings import BudgetLine, BudgetReading

# A wait that is slept in place; for a longer one the engine has better places to wait than a thread.
PATIENCE = 2_000  # ms
# Work that has begun is worth a longer wait: put off, it would ask everything again.
PATIENCE_WITHIN = 20_000  # ms
MINUTE = 60_000  # ms
MOST_PLACES = 500  # limits of single projects that are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The right to make one request, and when it was given."""

    route: Route
    sent_at: int


def monotonic() -> int:
    """Milliseconds of the machine's steady clock."""
    return time.monotonic_ns() // 1_000_000


class Budget:
    """What may be asked of one GitLab, and when. Safe to share between threads."""

    def __init__(
        self, url: str, *, clock: Callable[[], int] = monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`clock` gives milliseconds, `sleep` takes seconds."""
        self.where = host(url)
        self._clock = clock
        self._sleep = sleep
        self._quotas = quotas_of(url)
        self._lock = threading.Lock()
        self._allowances: dict[Key, Allowance] = {(one, ""): self._fresh(one) for one in THROTTLES}
        self._answered: Counter[tuple[Endpoint, str]] = Counter()
        self._refused: Counter[Endpoint] = Counter()
        self._put_off: Counter[Endpoint] = Counter()
        self._seconds: Counter[int] = Counter()  # requests by second of the last minute
        self._work = threading.local()

    @contextmanager
    def work(self) -> Iterator[None]:
        """One piece of work of this thread: it is put off at its first request rather than in its midst."""
        self._work.asked = 0
        try:
            yield
        finally:
            del self._work.asked

    def ask(self, route: Route) -> Ticket:
        """Wait until a request may be made. Raises: PutOffError if that would take too long."""
        until = self._clock() + self._patience()
        queued = False
        while True:
            with self._lock:
                now = self._clock()
                waits = {key: self._wait(key, route, now, queued=queued) for key in route.keys}
                longest = max(waits, key=lambda key: waits[key])
                delay = waits[longest]
                if delay and now + delay > until:
                    self._put_off[longest[0]] += 1
                    raise self._sorry(longest, now, delay)
                if not queued:
                    self._queue(route, now, now + delay)
                    queued = True
                if not delay:
                    return self._go(route, now)
            self._sleep(delay / 1000)

    def settle(self, ticket: Ticket, answer: Answer | None) -> None:
        """Tell how a request ended; None: without an answer. Every ticket is settled once."""
        with self._lock:
            now = self._clock()
            for key in ticket.route.keys:
                self._allowances[key] = allowance.back(self._of(key), sent_at=ticket.sent_at)
            self._answered[ticket.route.endpoint, _group(answer)] += 1
            if answer is None:
                return
            self._learn(ticket, answer, now)
            guilty = self._guilty(ticket, answer)
            if guilty is not None:
                self._refuse(guilty, ticket, answer, now)
            for key in ticket.route.keys:
                if key != guilty:
                    self._allowances[key] = allowance.passed(self._of(key), now, sent_at=ticket.sent_at)

    def spend(self, route: Route) -> None:
        """Count a request that somebody else makes, who neither waits nor tells how it went."""
        with self._lock:
            now = self._clock()
            for key in route.keys:
                self._allowances[key] = allowance.take(self._of(key), now, write=True)
            self._answered[route.endpoint, "unseen"] += 1
            self._tick(now)

    def reading(self, now: datetime) -> BudgetReading:
        """The numbers of this moment, which our clock calls `now`. One line a limit; places of one limit are one."""
        with self._lock:
            moment = self._clock()
            recent = self._recent(moment)
            names = [one for one in Endpoint if any(key[0] is one for key in self._allowances)]
            return BudgetReading(
                instance=self.where,
                lines=tuple(self._line(name, moment, now) for name in names),
                last_minute=recent,
                requests=tuple((one.value, group, count) for (one, group), count in sorted(self._answered.items())),
            )

    def _patience(self) -> int:
        """How long this thread may wait in place, in milliseconds."""
        return PATIENCE_WITHIN if getattr(self._work, "asked", 0) > 0 else PATIENCE

    def _used(self, one: Allowance) -> Allowance:
        """A limit as this process may use it."""
        return one

    def _of(self, key: Key) -> Allowance:
        return self._allowances.get(key) or self._fresh(key[0])

    def _fresh(self, endpoint: Endpoint) -> Allowance:
        return Allowance(quota=self._quotas.get(endpoint))

    def _wait(self, key: Key, route: Route, now: int, *, queued: bool) -> int:
        one = self._used(self._of(key))
        wait = allowance.wait(one, now, write=route.write)
        return wait if queued else max(wait, allowance.line(one, now, write=route.write))

    def _queue(self, route: Route, now: int, at: int) -> None:
        for key in route.keys:
            one = self._of(key)
            self._allowances[key] = replace(
                allowance.queue(self._used(one), now, at, write=route.write), quota=one.quota
            )
        if len(self._allowances) > MOST_PLACES:
            self._allowances = {key: one for key, one in self._allowances.items() if not (key[1] and _full(one, now))}

    def _go(self, route: Route, now: int) -> Ticket:
        for key in route.keys:
            self._allowances[key] = allowance.sent(self._paid(key, now, write=route.write))
        if hasattr(self._work, "asked"):
            self._work.asked += 1
        self._tick(now)
        return Ticket(route=route, sent_at=now)

    def _paid(self, key: Key, now: int, *, write: bool) -> Allowance:
        """A limit after a request that is made now."""
        one = self._of(key)
        return replace(allowance.take(self._used(one), now, write=write), quota=one.quota)

    def _sorry(self, key: Key, now: int, delay: int) -> PutOffError:
        paused = self._of(key).paused_until > now
        why = "GitLab said 429 and is left alone for a while" if paused else "the API budget is spent for now"
        return PutOffError(
            what=f"{why} ({key[0].value})", where=self.where, retry_after=timedelta(milliseconds=delay), status=429
        )

    def _learn(self, ticket: Ticket, answer: Answer, now: int) -> None:
        throttle = answer.throttle
        endpoint = ticket.route.throttle if throttle is None else throttle_of(throttle.name)
        one = self._of((endpoint, ""))
        if throttle is None:
            one = allowance.silent(one, now, self._quotas.get(endpoint))
        else:
            one = allowance.heard(one, now, throttle)
        self._allowances[endpoint, ""] = one

    @staticmethod
    def _guilty(ticket: Ticket, answer: Answer | None) -> Key | None:
        """The limit that a 429 is about; None for any other answer."""
        if answer is None or answer.status != 429:
            return None
        return ticket.route.keys[0 if answer.plain else 1]

    @staticmethod
    def _told(answer: Answer) -> int | None:
        """For how many milliseconds to stay away, as a 429 says."""
        told = answer.retry_after or (answer.throttle.reset if answer.throttle and answer.plain else None)
        return None if told is None else round(told.total_seconds() * 1000)

    def _refuse(self, key: Key, ticket: Ticket, answer: Answer, now: int) -> None:
        self._refused[key[0]] += 1
        self._allowances[key] = allowance.refused(
            self._of(key),
            now,
            sent_at=ticket.sent_at,
            told=self._told(answer),
            recent=self._recent(now),
        )

    def _tick(self, now: int) -> None:
        self._recent(now)
        self._seconds[now // 1000] += 1

    def _recent(self, now: int) -> int:
        for second in [second for second in self._seconds if second * 1000 <= now - MINUTE]:
            del self._seconds[second]
        return self._seconds.total()

    def _line(self, name: Endpoint, moment: int, now: datetime) -> BudgetLine:
        """Of several places the one with the least left stands for all."""
        every = [self._used(one) for key, one in self._allowances.items() if key[0] is name]
        least = min(every, key=lambda one: (-one.paused_until, allowance.left(one, moment) or 0))
        pause = least.paused_until - moment
        return BudgetLine(
            name=name.value,
            left=allowance.left(least, moment),
            size=allowance.size(least, moment),
            per_minute=allowance.per_minute(least, moment),
            paused_until=now + timedelta(milliseconds=pause) if pause > 0 else None,
            refused=self._refused[name],
            put_off=self._put_off[name],
        )


def _full(one: Allowance, now: int) -> bool:
    """Whether a fresh one would be the same."""
    return one.idle and allowance.left(one, now) == allowance.size(one, now)


def _group(answer: Answer | None) -> str:
    if answer is None:
        return "none"
    return "429" if answer.status == 429 else f"{min(max(answer.status // 100, 1), 5)}xx"
