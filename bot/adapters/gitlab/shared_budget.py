"""The API budget of several processes: one bucket a limit for all of them, kept where all can reach it.

A request is paid from a purse that was filled by a trade (see `trading`), so that most requests ask nobody; what waits
is asked for together, by one thread for all. A 429 is told at once, and all know it at their next trade, within a
second. While the keeper is away each process lives on its fair share of what it knew last, and books it afterwards.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from bot.adapters.gitlab import trading
from bot.adapters.gitlab.allowance import Allowance
from bot.adapters.gitlab.answers import Answer
from bot.adapters.gitlab.budget import Budget, Ticket, monotonic
from bot.adapters.gitlab.endpoints import Key, Route, throttle_of
from bot.adapters.gitlab.trading import Event, Grant, Heard, Kept, Passed, Refused, Wish
from bot.domain.errors import TransientError
from bot.domain.readings import BudgetReading, SharedBudgetReading
from bot.ports.replicas import Board

AWAY = 5_000  # ms until a keeper that could not be reached is asked again
MOST_PURSES = 500  # kinds of requests that are remembered
SOON = 100  # ms at least between two trades for what must wait


@dataclass(frozen=True, slots=True, kw_only=True)
class _Purse:
    """Requests that may be made until a moment; `since` and `used` tell how fast they go."""

    requests: int
    until: int
    since: int
    used: int = 0


class SharedBudget(Budget):
    """A budget that is one with that of other processes. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        board: Board,
        *,
        clock: Callable[[], int] = monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` gives milliseconds, `sleep` takes seconds."""
        super().__init__(url, clock=clock, sleep=sleep)
        self._board = board
        self._trading = threading.Lock()  # held by the thread that trades
        self._purses: dict[Route, _Purse] = {}
        self._waiting: Counter[Route] = Counter()
        self._answers: dict[Route, tuple[int, Grant]] = {}
        self._trades = 0
        self._failures = 0
        self._processes = 1
        self._away_until: int | None = None
        self._events: dict[Key, list[Event]] = {}
        self._debts: Counter[Key] = Counter()

    def ask(self, route: Route) -> Ticket:
        """Wait until a request may be made. Raises: PutOffError if that would take too long."""
        with self._lock:
            now = self._clock()
            if self._pays(route, now):
                return self._go(route, now)
            self._waiting[route] += 1
            behind = self._waiting[route] - 1
        try:
            return self._wait_for(route, now + self._patience(), behind)
        finally:
            with self._lock:
                self._waiting[route] -= 1

    def _wait_for(self, route: Route, until: int, behind: int) -> Ticket:
        while True:
            grant = self._fetch(route)
            with self._lock:
                now = self._clock()
                if self._pays(route, now):
                    return self._go(route, now)
                alone = self._away_until is not None
                if not alone and grant is not None and grant.key is not None:
                    delay = grant.delay + round(behind * grant.each)
                    if now + delay > until:
                        self._put_off[grant.key[0]] += 1
                        raise self._sorry(grant.key, now, delay)
            if alone:
                return super().ask(route)
            nap = max(grant.delay if grant is not None else 0, SOON)
            self._sleep(min(nap, trading.VALID // 2) / 1000)  # in time for what another thread gets for this one

    def settle(self, ticket: Ticket, answer: Answer | None) -> None:
        """Tell how a request ended; what all must know at once is told to all at once."""
        with self._lock:
            urgent = self._note(ticket, answer, self._clock())
        super().settle(ticket, answer)
        if urgent:
            self._tell()

    def spend(self, route: Route) -> None:
        """Count a request that somebody else makes; it is booked with the next trade."""
        super().spend(route)
        with self._lock:
            self._debts.update(route.keys)

    def reading(self, now: datetime) -> BudgetReading:
        """The numbers of this moment: limits as they were at the last trade, requests of this process."""
        reading = super().reading(now)
        with self._lock:
            shared = SharedBudgetReading(
                processes=self._processes,
                away=self._away_until is not None,
                trades=self._trades,
                failures=self._failures,
            )
        return replace(reading, shared=shared)

    def _used(self, one: Allowance) -> Allowance:
        """While the keeper is away: the fair share."""
        return one if self._away_until is None else trading.shared_out(one, self._processes)

    def _paid(self, key: Key, now: int, *, write: bool) -> Allowance:
        """What comes from the purse was taken before."""
        if self._away_until is None:
            return self._of(key)
        self._debts[key] += 1
        return super()._paid(key, now, write=write)

    def _pays(self, route: Route, now: int) -> bool:
        """Take a request from the purse; not during a pause that began since it was filled."""
        purse = self._purses.get(route)
        if purse is None or purse.requests <= 0 or now >= purse.until:
            return False
        if any(now < self._of(key).paused_until for key in route.keys):
            return False
        self._purses[route] = replace(purse, requests=purse.requests - 1, used=purse.used + 1)
        return True

    def _fetch(self, route: Route) -> Grant | None:
        """Trade for all that waits, unless somebody just did; None while the keeper is away."""
        seen, away = self._trades, self._away_until is not None
        if not self._trading.acquire(blocking=not away):
            return None  # another thread tries whether it is back
        try:
            with self._lock:
                now = self._clock()
                if self._away_until is not None and now < self._away_until:
                    return None
                known = self._known(route, now, fresh=self._trades != seen)
                if known is not None:
                    return known
                wishes = {
                    one: Wish(waiting=waiting, ahead=self._pace(one, now))
                    for one, waiting in self._waiting.items()
                    if waiting > 0
                }
            return self._trade(wishes).get(route)
        finally:
            self._trading.release()

    def _known(self, route: Route, now: int, *, fresh: bool) -> Grant | None:
        """What the last trade said of a request that must wait, as long as another would say the same."""
        at, grant = self._answers.get(route, (0, None))
        if grant is None or not (fresh or grant.delay):
            return None
        if not fresh and now >= at + min(max(grant.delay, SOON), trading.VALID):
            return None
        return replace(grant, delay=max(at + grant.delay - now, 0))

    def _pace(self, route: Route, now: int) -> int:
        """Requests of a kind that a second brings, by the last purse."""
        purse = self._purses.get(route)
        if purse is None or now - purse.since > 2 * trading.VALID:
            return 0
        return min(ceil(purse.used * 1000 / max(now - purse.since, trading.VALID // 4)), trading.MOST_AHEAD)

    def _tell(self) -> None:
        """Trade for nothing, so that the others know. While the keeper is away it waits for the next trade."""
        if self._away_until is None:
            with self._trading:
                self._trade({})

    def _trade(self, wishes: Mapping[Route, Wish]) -> Mapping[Route, Grant]:
        """One exchange with the keeper. Called with `_trading` held."""
        with self._lock:
            events, self._events = self._events, {}
            debts, self._debts = self._debts, Counter()
        keys = {key for route in wishes for key in route.keys} | events.keys() | debts.keys()
        limits: dict[Key, Kept] = {}
        grants: dict[Route, Grant] = {}
        ahead, living = 0, 1

        def step(there: int, processes: int, texts: Mapping[str, str]) -> Mapping[str, str]:
            nonlocal limits, grants, ahead, living
            ahead, living = there - self._clock(), processes
            for key in keys:
                kept = trading.read(texts.get(_name(key), "")) or Kept(one=self._fresh(key[0]))
                kept = trading.told(kept, [_moved(event, ahead) for event in events.get(key, ())])
                limits[key] = trading.booked(kept, debts[key], there)
            limits, grants = trading.trade(limits, wishes, there, processes=processes)
            return {_name(key): trading.written(kept) for key, kept in limits.items()}

        try:
            self._board.change([_name(key) for key in keys], step)
        except TransientError:
            with self._lock:
                self._lost(events, debts)
            return {}
        with self._lock:
            self._won(limits, grants, wishes, ahead)
            self._processes = living
        return grants

    def _lost(self, events: dict[Key, list[Event]], debts: Counter[Key]) -> None:
        """Nothing was exchanged: what was to be told is told later."""
        self._events = {key: [*events.get(key, ()), *self._events.get(key, ())] for key in events | self._events}
        self._debts += debts
        self._failures += 1
        self._away_until = self._clock() + AWAY

    def _won(
        self, limits: Mapping[Key, Kept], grants: dict[Route, Grant], wishes: Mapping[Route, Wish], ahead: int
    ) -> None:
        now = self._clock()
        for key, kept in limits.items():
            own = self._of(key)
            self._allowances[key] = replace(
                trading.shifted(kept.one, -ahead), in_flight=own.in_flight, ahead=own.ahead if kept.one.probing else 0
            )
        for route, grant in grants.items():
            before = self._purses.get(route)
            rest = before.requests if before is not None and now < before.until else 0
            self._purses[route] = _Purse(requests=rest + grant.requests, until=now + trading.VALID, since=now)
        if len(self._purses) > MOST_PURSES:
            self._purses = {route: purse for route, purse in self._purses.items() if now < purse.until}
        if wishes:
            self._answers = {route: (now, grant) for route, grant in grants.items()}
        self._trades += 1
        self._away_until = None

    def _note(self, ticket: Ticket, answer: Answer | None, now: int) -> bool:
        """Keep what others must know; whether it is urgent."""
        urgent = False
        guilty = self._guilty(ticket, answer)
        for key in ticket.route.keys:
            one = self._of(key)
            if key == guilty:
                assert answer is not None, "only an answer refuses"
                told = self._told(answer)
                event = Refused(at=now, sent_at=ticket.sent_at, told=told, recent=self._recent(now))
                self._events.setdefault(key, []).append(event)
                urgent = True
            elif (one.probing and ticket.sent_at > one.refused_at) or one.guessed:
                passed = Passed(at=now, sent_at=ticket.sent_at, answered=answer is not None)
                self._events.setdefault(key, []).append(passed)
                urgent = urgent or one.probing
        if answer is not None:
            self._hear(ticket, answer, now)
        return urgent

    def _hear(self, ticket: Ticket, answer: Answer, now: int) -> None:
        throttle = answer.throttle
        endpoint = ticket.route.throttle if throttle is None else throttle_of(throttle.name)
        key = (endpoint, "")
        one = self._of(key)
        if throttle is None and one.window is None:
            return  # as before
        others = max(one.in_flight - 2, 0)  # neither this one nor, as always, the one that is told of
        heard = Heard(at=now, throttle=throttle, others=others, usual=self._quotas.get(endpoint))
        kept = [event for event in self._events.get(key, ()) if not isinstance(event, Heard)]
        self._events[key] = [*kept, heard]  # the newest says it all


def _name(key: Key) -> str:
    return f"budget:{key[0].value}:{key[1]}"


def _moved(event: Event, by: int) -> Event:
    """An event by the keeper's clock."""
    if isinstance(event, Heard):
        return replace(event, at=event.at + by)
    return replace(event, at=event.at + by, sent_at=event.sent_at + by)
