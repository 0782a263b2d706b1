"""When a try that did not work may be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.releases import Attempt, AttemptOutcome

MOST_TRIES = 6
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=15)
SETTLING = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ready:
    """Do it now."""


@dataclass(frozen=True, slots=True)
class Later:
    """Do it after `delay`; `reason` is why it did not work last time."""

    delay: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A person must act; `reason` is what the other side said last."""

    reason: str


def next_try(tries: Sequence[Attempt], *, asked: datetime, now: datetime) -> Ready | Later | GiveUp:
    """Decide about the next try of one effect that a look has just shown to be absent.

    Tries before `asked` (a person's resume) count no more. A claim without an outcome is a crash: try at once. The
    delay doubles from two seconds, and never undercuts what the server asked for. What was accepted and is absent all
    the same is written again, but not without end.
    """
    recent = [attempt for attempt in tries if attempt.at >= asked]
    accepted = [n for n, attempt in enumerate(recent) if attempt.outcome is AttemptOutcome.ACCEPTED]
    lately = [n for n in accepted if now - recent[n].at < SETTLING]
    if len(lately) >= MOST_TRIES:
        return Later(SETTLING, f"accepted {len(lately)} times and still not as wanted")
    counted = recent[accepted[-1] + 1 :] if accepted else recent
    if not counted or counted[-1].outcome is AttemptOutcome.CLAIMED:
        return Ready() if len(counted) < MOST_TRIES else GiveUp(f"interrupted {len(counted)} times")
    last = counted[-1]
    if not last.again:
        return GiveUp(last.reason)
    if len(counted) >= MOST_TRIES:
        return GiveUp(f"{last.reason} ({len(counted)} tries)")
    due = max(
        last.at + min(FIRST_DELAY * 2 ** (len(counted) - 1), LONGEST_DELAY),
        last.retry_at or last.at,
    )
    return Ready() if due <= now else Later(due - now, last.reason)
