"""What one limit of GitLab still allows us, and how that changes: pure, so that it can be kept anywhere.

Three things hold a request back. A *token bucket* paces what we know the limit of. A *window* repeats what the headers
of GitLab's last answer said. A *pause* follows a 429: nobody calls before the moment told, then one goes ahead to see,
and all go on at half the pace, which grows back minute by minute.

Moments are whole milliseconds of any one clock. The bucket is pyrate-limiter's: a pure step from state to state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from pyrate_limiter import Rate, TokenBucket

from bot.adapters.gitlab.answers import Throttle
from bot.adapters.gitlab.endpoints import Quota

# GitLab counts in fixed windows. A quarter at once and three quarters spread over the window never exceed the whole.
AT_ONCE = 4
# Reads leave a tenth to writes, of the bucket as of the window.
RESERVE = 10
SLOWEST = 1 / 16  # of the usual pace
RECOVERY = 600_000  # ms from nothing to the full pace: a tenth a minute
UNTOLD = 30_000  # ms to stay away after a 429 that does not say how long; doubled with each in a row
LONGEST_UNTOLD = 600_000  # ms
MINUTE = 60_000  # ms
PROBE = 500  # ms until those behind the one that went ahead look again
LEAST_GUESS = 60  # requests a minute: a limit below that says more of others than of us

_BUCKET = TokenBucket()
State = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """GitLab's own count: of `size` requests `left` may be made before `until`."""

    left: int
    size: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One limit. `quota` None: none known; `guessed`: taken from our own pace when GitLab refused it.

    `spent` is the bucket's state, opaque; `lines` are the same for those who wait, reads and writes. `pace` is the part
    of the quota's rate that we use since `paced_at`; it grows from there. `refused_at` is when the last 429 came,
    `refusals` how many came in a row, `probing` that no request got through since; `ahead` counts those under way that
    went to see. `in_flight` counts all that are under way.
    """

    quota: Quota | None = None
    guessed: bool = False
    spent: State | None = None
    lines: tuple[State | None, State | None] = (None, None)
    window: Window | None = None
    pace: float = 1.0
    paced_at: int = 0
    paused_until: int = 0
    refused_at: int = -1
    refusals: int = 0
    probing: bool = False
    ahead: int = 0
    in_flight: int = 0

    @property
    def idle(self) -> bool:
        """Whether nothing but the bucket would be lost with it."""
        return not (self.in_flight or self.probing or self.paused_until)


def barred(one: Allowance, now: int) -> int:
    """Milliseconds for which nobody may call; 0 if one may."""
    if now < one.paused_until:
        return one.paused_until - now
    return PROBE if one.probing and one.ahead else 0


def wait(one: Allowance, now: int, *, write: bool) -> int:
    """Milliseconds until a request may be made; 0: now."""
    held = barred(one, now)
    window = one.window
    if window is not None and now < window.until:
        reserve = 0 if write else window.size // RESERVE
        held = max(held, window.until - now if window.left <= reserve else 0)
    return max(held, _empty(one, one.spent, now, write=write))


def line(one: Allowance, now: int, *, write: bool) -> int:
    """Milliseconds until those who wait already will have gone, reads and writes each among themselves."""
    return _empty(one, one.lines[write], now, write=write)


def queue(one: Allowance, now: int, at: int, *, write: bool) -> Allowance:
    """Take the next place in the line, which comes at the moment `at`."""
    rate = _rate(one, now, write=write)
    if rate is None:
        return one
    behind, _ = _BUCKET.step([rate], _state(one.lines[write], rate), at, 1)
    return replace(one, lines=(one.lines[0], behind) if write else (behind, one.lines[1]))


def take(one: Allowance, now: int, *, write: bool) -> Allowance:
    """Spend a request that is made now, whether or not there is anything left."""
    window = one.window and replace(one.window, left=one.window.left - 1)
    rate = _rate(one, now, write=write)
    if rate is None:
        return replace(one, window=window)
    spent, _ = _BUCKET.step([rate], _state(one.spent, rate), now, 1)
    return replace(one, window=window, spent=spent)


def sent(one: Allowance) -> Allowance:
    """A request goes now."""
    return replace(one, in_flight=one.in_flight + 1, ahead=one.ahead + one.probing)


def back(one: Allowance, *, sent_at: int) -> Allowance:
    """What was sent at `sent_at` came back, answered or not."""
    ahead = one.ahead - (one.probing and sent_at > one.refused_at)
    return replace(one, in_flight=one.in_flight - 1, ahead=ahead)


def refused(one: Allowance, now: int, *, sent_at: int, told: int | None, recent: int) -> Allowance:
    """GitLab answered 429 to what was sent at `sent_at`, and to stay away for `told` ms (None: it did not say).

    `recent` are our requests of the last minute, from which a limit that we do not know is guessed. Requests that were
    under way together are refused together: that counts once.
    """
    again = sent_at > one.refused_at
    refusals = one.refusals + 1 if again else max(one.refusals, 1)
    until = now + (min(UNTOLD * 2 ** min(refusals - 1, 10), LONGEST_UNTOLD) if told is None else max(told, 1))
    until = max(until, one.paused_until)
    guess = one.quota or Quota(requests=max(recent, LEAST_GUESS), seconds=60)
    slower = replace(
        one,
        quota=guess,
        guessed=one.guessed or one.quota is None,
        pace=max(_pace(one, now) / 2, SLOWEST) if again else one.pace,
        paced_at=until,
        paused_until=until,
        refused_at=max(now, one.refused_at) if again else one.refused_at,
        refusals=refusals,
        probing=True,
    )
    rate = _rate(slower, until, write=True)
    assert rate is not None, "a refusal leaves a quota"
    # One request, and the reserve for writes, wait at the end of the pause; the rest comes with time.
    away = rate.burst - 1 - rate.burst // RESERVE
    drained = _BUCKET.step([rate], _BUCKET.initial([rate]), until, away)[0] if away > 0 else None
    return replace(
        slower,
        spent=_emptier(one.spent, drained),
        lines=(_emptier(one.lines[0], drained), _emptier(one.lines[1], drained)),
    )


def _emptier(one: State | None, other: State | None) -> State | None:
    """Of two states that which is full again later: no refusal gives anything back."""
    return max(one, other) if one is not None and other is not None else one or other


def passed(one: Allowance, now: int, *, sent_at: int) -> Allowance:
    """What was sent at `sent_at` got past this limit."""
    if one.probing and sent_at > one.refused_at:
        one = replace(one, probing=False, ahead=0, refusals=0, paused_until=0)
    if one.guessed and not one.probing and _pace(one, now) >= 1:
        # The guess has outlived its reason.
        return replace(one, quota=None, guessed=False, spent=None, lines=(None, None))
    return one


def heard(one: Allowance, now: int, throttle: Throttle) -> Allowance:
    """Take over what GitLab says of its window.

    `remaining` and `observed` belong to the real window, whose length is told by nothing but `scaled`; so the quota
    follows only from both, and never from `scaled` alone.
    """
    until = now + ceil(throttle.reset.total_seconds() * 1000)
    known = one.window if one.window is not None and abs(one.window.until - until) <= 2000 else None
    # Answers overtake each other, and what we sent since is not in this one: the lower count is the truer.
    others = max(one.in_flight - 1, 0)
    left = throttle.remaining - others if known is None else min(known.left, throttle.remaining)
    if throttle.remaining == 0:
        size = known.size if known else max(throttle.observed, 1)
        return replace(one, window=Window(left=0, size=size, until=until))
    size = throttle.observed + throttle.remaining
    learned = replace(one, window=Window(left=left, size=size, until=until))
    if throttle.scaled is None:
        return learned
    seconds = max(size * 60 / throttle.scaled, throttle.reset.total_seconds(), 1.0)
    return replace(learned, quota=Quota(requests=size, seconds=seconds), guessed=False)


def silent(one: Allowance, now: int, usual: Quota | None) -> Allowance:
    """An answer without a word about limits: once the window it spoke of is over, the throttle has been turned off."""
    if one.window is None or now < one.window.until:
        return one
    return replace(one, window=None, quota=usual)


def left(one: Allowance, now: int) -> int | None:
    """How many requests may be made at once; None where no limit is known."""
    rate = _rate(one, now, write=True)
    if now < one.paused_until:
        return 0
    free = None if rate is None else max(rate.burst - _BUCKET.consumed([rate], _state(one.spent, rate), now), 0)
    if one.window is None or now >= one.window.until:
        return free
    in_window = max(one.window.left, 0)
    return in_window if free is None else min(free, in_window)


def size(one: Allowance, now: int) -> int | None:
    """The most that may be made at once."""
    rate = _rate(one, now, write=True)
    return None if rate is None else rate.burst


def per_minute(one: Allowance, now: int) -> float | None:
    """How fast it fills at the present pace."""
    rate = _rate(one, now, write=True)
    return None if rate is None else rate.limit * MINUTE / rate.interval


def _pace(one: Allowance, now: int) -> float:
    return min(1.0, one.pace + max(now - one.paced_at, 0) / RECOVERY)


def _rate(one: Allowance, now: int, *, write: bool) -> Rate | None:
    """The bucket at the present pace: at half of it half the size, filled in the same time.

    So its state, which is a time, means the same at every pace, and nobody waits longer because the pace grows. To a
    read it looks smaller by the reserve of writes.
    """
    if one.quota is None:
        return None
    pace = _pace(one, now)
    at_once = max(one.quota.requests // AT_ONCE, 1)
    each = one.quota.seconds * 1000 / max(one.quota.requests - at_once, 1)
    burst = int(at_once * pace)
    if burst <= 1:
        return Rate(1, ceil(each / pace), 1)
    return Rate(burst, ceil(each * at_once), burst if write else burst - burst // RESERVE)


def _empty(one: Allowance, state: State | None, now: int, *, write: bool) -> int:
    """Milliseconds until a bucket in that state holds a request."""
    rate = _rate(one, now, write=write)
    if rate is None:
        return 0
    _, decision = _BUCKET.step([rate], _state(state, rate), now, 1)
    return 0 if decision.allowed else decision.retry_after_ms or 0


def _state(state: State | None, rate: Rate) -> State:
    return _BUCKET.initial([rate]) if state is None else state
