"""How processes share the limits of one GitLab: pure, so that it can be done in whatever keeps the numbers.

All of them are kept in one place, an `Allowance` a limit. Nobody asks there before every request: a process *trades*.
It tells what it learned since it was there last, and takes the requests that wait and some of those that will come,
which it must then make within a second. So what it makes is taken before, and together they never take more than one.
Moments are milliseconds of the keeper's clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.adapters.gitlab import allowance
from bot.adapters.gitlab.allowance import Allowance, Window
from bot.adapters.gitlab.answers import Throttle
from bot.adapters.gitlab.endpoints import Key, Quota, Route

VALID = 1_000  # ms for which what was taken may be used
MOST_AHEAD = 200  # requests taken in advance of one kind
AHEAD_FREE = 50  # so many where no limit is known
MOST_DEBTS = 5_000  # requests of one kind that are booked afterwards: more than a limit has
PROBING = 30_000  # ms for which one process goes ahead after a pause, unless it tells how that went


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One limit as all see it. `ahead_until`: until when somebody goes ahead to see whether a refusal is over."""

    one: Allowance
    ahead_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A 429 to what was sent at `sent_at`; see allowance.refused."""

    at: int
    sent_at: int
    told: int | None
    recent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What was sent at `sent_at` came back; `answered` is whether it got past the limit."""

    at: int
    sent_at: int
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an answer said of a throttle (None: nothing), with `others` under way; `usual` is the first quota."""

    at: int
    throttle: Throttle | None
    others: int
    usual: Quota | None


Event = Refused | Passed | Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Of one kind of request: so many wait, so many more will probably be made within a second."""

    waiting: int
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """So many may be made. Where that is less than wait, the next may be after `delay` ms, for the limit `key`, and
    those behind it each `each` ms.
    """

    requests: int
    delay: int = 0
    each: float = 0.0
    key: Key | None = None


def told(kept: Kept, events: Iterable[Event]) -> Kept:
    """A limit after what was learned of it."""
    for event in events:
        kept = _told(kept, event)
    return kept


def _told(kept: Kept, event: Event) -> Kept:
    one = kept.one
    match event:
        case Refused():
            after = allowance.refused(one, event.at, sent_at=event.sent_at, told=event.told, recent=event.recent)
            return Kept(one=after)
        case Passed():
            after = allowance.passed(one, event.at, sent_at=event.sent_at) if event.answered else one
            over = one.probing and event.sent_at > one.refused_at
            return Kept(one=after, ahead_until=0 if over else kept.ahead_until)
        case Heard(throttle=None):
            return replace(kept, one=allowance.silent(one, event.at, event.usual))
        case Heard(throttle=throttle):
            assert throttle is not None
            heard = allowance.heard(replace(one, in_flight=event.others + 1), event.at, throttle)
            return replace(kept, one=replace(heard, in_flight=0))


def trade(
    limits: dict[Key, Kept], wishes: Mapping[Route, Wish], now: int, *, processes: int
) -> tuple[dict[Key, Kept], dict[Route, Grant]]:
    """The limits after taking what can be had now, writes first, and what that is. All limits of `wishes` are there."""
    limits = dict(limits)
    taken: dict[Route, int] = {}
    in_order = sorted(wishes, key=lambda route: not route.write)
    for route in in_order:
        taken[route] = _take(limits, route, wishes[route].waiting, now, write=route.write)
    for route in in_order:
        if taken[route] == wishes[route].waiting:
            taken[route] += _take(limits, route, _ahead(limits, route, wishes[route], now, processes), now, write=False)
    grants = {route: _grant(limits, route, taken[route], wishes[route].waiting, now) for route in in_order}
    return limits, grants


def _take(limits: dict[Key, Kept], route: Route, most: int, now: int, *, write: bool) -> int:
    for count in range(most):
        if any(_wait(limits[key], now, write=write) for key in route.keys):
            return count
        for key in route.keys:
            kept = limits[key]
            probing = kept.one.probing
            limits[key] = Kept(
                one=allowance.take(kept.one, now, write=write), ahead_until=now + PROBING if probing else 0
            )
    return most


def _wait(kept: Kept, now: int, *, write: bool) -> int:
    return allowance.wait(replace(kept.one, ahead=int(now < kept.ahead_until)), now, write=write)


def _ahead(limits: Mapping[Key, Kept], route: Route, wish: Wish, now: int, processes: int) -> int:
    """A part of what is left, so that those who come next find some; none while somebody goes ahead to see."""
    ones = [limits[key].one for key in route.keys]
    if any(one.probing for one in ones):
        return 0
    known = [left for one in ones if (left := allowance.left(one, now)) is not None]
    most = min((left // (2 * processes) for left in known), default=AHEAD_FREE)
    return min(wish.ahead, most, MOST_AHEAD)


def _grant(limits: Mapping[Key, Kept], route: Route, taken: int, waiting: int, now: int) -> Grant:
    if taken >= waiting:
        return Grant(requests=taken)
    delay, key = max((_wait(limits[key], now, write=route.write), key) for key in route.keys)
    rate = allowance.per_minute(limits[key].one, now)
    return Grant(requests=taken, delay=max(delay, 1), each=allowance.MINUTE / rate if rate else 0.0, key=key)


def booked(kept: Kept, requests: int, now: int) -> Kept:
    """A limit after requests that were made without asking."""
    one = kept.one
    for _ in range(min(requests, MOST_DEBTS)):
        one = allowance.take(one, now, write=True)
    return replace(kept, one=one)


def shifted(one: Allowance, by: int) -> Allowance:
    """The same by a clock that is `by` ms ahead."""
    window = None if one.window is None else replace(one.window, until=one.window.until + by)
    return replace(
        one,
        spent=None if one.spent is None else tuple(part + by * 1000 for part in one.spent),  # it counts microseconds
        lines=(None, None),
        window=window,
        paced_at=one.paced_at + by,
        paused_until=one.paused_until + by if one.paused_until else 0,
        refused_at=one.refused_at + by,
    )


def shared_out(one: Allowance, processes: int) -> Allowance:
    """A limit for one of so many processes that cannot ask each other: its fair share.

    A window is left whole: GitLab's answers say what of it is left to all.
    """
    quota = one.quota
    if quota is None or processes <= 1:
        return one
    return replace(one, quota=replace(quota, requests=max(quota.requests // processes, 1)))


def written(kept: Kept) -> str:
    """As text; what concerns one process alone is left out."""
    one = kept.one
    return json.dumps(
        {
            "quota": None if one.quota is None else [one.quota.requests, one.quota.seconds],
            "guessed": one.guessed,
            "spent": one.spent,
            "window": None if one.window is None else [one.window.left, one.window.size, one.window.until],
            "pace": one.pace,
            "paced_at": one.paced_at,
            "paused_until": one.paused_until,
            "refused_at": one.refused_at,
            "refusals": one.refusals,
            "probing": one.probing,
            "ahead_until": kept.ahead_until,
        },
        separators=(",", ":"),
    )


def read(text: str) -> Kept | None:
    """From text; None for what another version wrote."""
    try:
        row: dict[str, Any] = json.loads(text)
        quota, window, spent = row["quota"], row["window"], row["spent"]
        one = Allowance(
            quota=None if quota is None else Quota(requests=int(quota[0]), seconds=float(quota[1])),
            guessed=bool(row["guessed"]),
            spent=None if spent is None else tuple(int(part) for part in spent),
            window=None if window is None else Window(left=window[0], size=window[1], until=window[2]),
            pace=float(row["pace"]),
            paced_at=int(row["paced_at"]),
            paused_until=int(row["paused_until"]),
            refused_at=int(row["refused_at"]),
            refusals=int(row["refusals"]),
            probing=bool(row["probing"]),
        )
        return Kept(one=one, ahead_until=int(row["ahead_until"]))
    except (ValueError, TypeError, KeyError, IndexError):
        return None
