"""When a try that did not work may be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.domain.releases import Attempt, AttemptOutcome
from bot.domain.replicas import APART

MOST_TRIES = 6
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=15)
# A server goes on with what it received whole, also when the client is gone: GitLab stores a file within seconds.
IN_FLIGHT = timedelta(seconds=8)
SETTLING = timedelta(hours=1)
_EVER = datetime.min.replace(tzinfo=UTC)
_SEEN = (AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED, AttemptOutcome.DENIED)


@dataclass(frozen=True, slots=True)
class Ready:
    """Do it now."""


@dataclass(frozen=True, slots=True)
class Later:
    """Do it after `delay`; `reason` is why it did not work last time. `until` is when patience with it ends, where it
    has some.
    """

    delay: timedelta
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A person must act; `reason` is what the other side said last."""

    reason: str


def interrupted(tries: Sequence[Attempt], now: datetime) -> tuple[Attempt, ...]:
    """Claims that a stop of the bot left without an outcome, with the outcome `unclear` as of now.

    Called where no try can be under way: at the beginning of a turn.
    """
    reason = "interrupted: the bot was stopped in the middle"
    claims = (attempt for attempt in tries if attempt.outcome is AttemptOutcome.CLAIMED)
    return tuple(replace(claim, outcome=AttemptOutcome.UNCLEAR, at=now, reason=reason) for claim in claims)


def next_try(
    tries: Sequence[Attempt], *, asked: datetime, now: datetime, patience: timedelta = timedelta()
) -> Ready | Later | GiveUp:
    """Decide about the next try of one effect that a look has just shown to be absent.

    It is given up after `MOST_TRIES` that failed and could have worked, and not before `patience` is over since the
    first of them: the last one is made when it ends. What is certain to fail is given up at once.

    Tries before `asked` (a person's resume) count no more, save that after a try whose end nobody saw the server is
    always given time to finish what it may have begun. The delay doubles from two seconds and never undercuts what the
    server asked for. An `asked` that has yet to come is of a clock that was set back since: then all tries count, else
    there would be no end to them until that moment.
    What was accepted and is absent all the same is written again, but not without end. What was put off is no try: it
    waits for the moment told, however often.
    """
    if asked - now > APART:
        asked = _EVER
    made = [attempt for attempt in tries if attempt.outcome is not AttemptOutcome.PUT_OFF]
    step = _counted(made, asked=asked, now=now, patience=patience)
    if isinstance(step, GiveUp):
        return step
    if made and made[-1].outcome not in _SEEN:
        step = _later(step, made[-1].at + IN_FLIGHT - now, made[-1].reason)
    if tries and tries[-1].outcome is AttemptOutcome.PUT_OFF and tries[-1].at >= asked:
        step = _later(step, (tries[-1].retry_at or tries[-1].at) - now, tries[-1].reason)
    return step


def _later(step: Ready | Later, delay: timedelta, reason: str) -> Ready | Later:
    """The step, but not before `delay`."""
    if isinstance(step, Later):
        return replace(step, delay=delay, reason=reason) if delay > step.delay else step
    return Later(delay, reason) if delay > timedelta() else step


def _counted(
    tries: Sequence[Attempt], *, asked: datetime, now: datetime, patience: timedelta
) -> Ready | Later | GiveUp:
    recent = [attempt for attempt in tries if attempt.at >= asked]
    accepted = [n for n, attempt in enumerate(recent) if attempt.outcome is AttemptOutcome.ACCEPTED]
    lately = [n for n in accepted if now - recent[n].at < SETTLING]
    if len(lately) >= MOST_TRIES:
        return Later(SETTLING, f"accepted {len(lately)} times and still not as wanted")
    counted = recent[accepted[-1] + 1 :] if accepted else recent
    if not counted:
        return Ready()
    last = counted[-1]
    if not last.again:
        return GiveUp(last.reason)
    end = counted[0].at + patience
    due = last.at + min(FIRST_DELAY * 2 ** (len(counted) - 1), LONGEST_DELAY)
    if len(counted) >= MOST_TRIES:
        if last.at >= end:
            return GiveUp(f"{last.reason} ({len(counted)} tries{_within(last.at - counted[0].at) if patience else ''})")
        due = min(due, end)
    due = max(due, last.retry_at or last.at)
    return Ready() if due <= now else Later(due - now, last.reason, max(end, due) if patience else None)


def _within(span: timedelta) -> str:
    return f" within {round(span.total_seconds() / 60)} min"
