"""Every file on one index, with the bytes we kept: the index's own listing is the proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.domain.distributions import Distribution, DistributionKind
from bot.domain.policy import Source
from bot.domain.releases import Attempt, AttemptOutcome, TargetState, TargetStatus
from bot.release import proving
from bot.release.actions import Upload
from bot.release.facts import Facts, IndexFacts, Look, LookKind, Unreadable, Wanted
from bot.release.proving import LOOK_AGAIN_FIRST, LOOK_AGAIN_MOST, VISIBLE_CACHED, VISIBLE_IMMEDIATE
from bot.release.retry import GiveUp, Later, next_try
from bot.release.sources import source_of
from bot.release.targets import Assessment

# Whoever looks meanwhile wants to know when it goes on.
LONG = timedelta(minutes=1)


def assess(wanted: Wanted, facts: Facts, index: str) -> Assessment | Look:
    """What is missing on the index called `index`; of a pipeline that publishes by itself, what it did not upload."""
    if source_of(wanted, facts) is Source.PIPELINE:
        return proving.assess(wanted, facts, index)
    return _assess(wanted, facts, index)


def _assess(wanted: Wanted, facts: Facts, index: str) -> Assessment | Look:
    """What is to be sent.

    All missing files are sent, wheels first, before the index is looked at anew; one that was not accepted holds up
    those behind it. A file that was accepted but is not listed is waited for, never sent again within the time the
    index may take to show it.
    """
    seen, files = facts.indexes.get(index), facts.files
    if files is None:
        return Look(LookKind.FILES)
    if seen is None:
        return Look(LookKind.INDEX, index=index)
    if isinstance(seen, Unreadable):
        return Assessment(status=_status(facts, index, TargetState.FAILED, f"cannot look: {seen.reason}"))
    clash = next((file for file in files.value.files if _clashes(file, seen.value)), None)
    if clash is not None:
        reason = f"{clash.filename} stands there with other bytes"
        return Assessment(status=_status(facts, index, TargetState.CONFLICT, reason))
    missing = [file for file in wheels_first(files.value.files) if seen.value.lists(file) is None]
    if not missing:
        return Assessment(status=_status(facts, index, TargetState.DONE, _skipped(facts, index)))
    unproven = False
    waits: list[Later] = []
    for number, file in enumerate(missing):
        step = _next(wanted, facts, seen.value, file, index)
        if isinstance(step, GiveUp):
            return Assessment(status=_status(facts, index, TargetState.FAILED, f"{file.filename}: {step.reason}"))
        if isinstance(step, Later):
            waits.append(step)
        elif isinstance(step, Look):
            unproven = True
        else:
            absent = ", ".join(other.filename for other in missing[number:])
            status = _status(facts, index, TargetState.PENDING, f"to send: {absent}")
            behind = (_next(wanted, facts, seen.value, other, index) for other in missing[number + 1 :])
            rest = tuple(other for other in behind if isinstance(other, Upload))
            return Assessment(status=status, actions=(step, *rest))
        if facts.tries(f"index:{index}", file.filename)[-1].outcome is not AttemptOutcome.ACCEPTED:
            break
    if unproven:
        return Look(LookKind.INDEX, index=index)
    return _waiting(facts, index, waits)


def _waiting(facts: Facts, index: str, waits: Sequence[Later]) -> Assessment:
    """What is waited for, when that ends, and how long it may go on."""
    soonest = min(waits, key=lambda wait: wait.delay)
    reasons = "; ".join(dict.fromkeys(wait.reason for wait in waits))
    ends = [wait.until for wait in waits if wait.until is not None]
    if soonest.delay > LONG:
        verb = "retried" if ends else "looked at again"
        reasons += f"; {verb} at {_moment(facts.now + soonest.delay)}{', and' if ends else ''}"
    elif ends:
        reasons += "; retried"
    if ends:
        reasons += f" until {_moment(max(ends))}"
    status = _status(facts, index, TargetState.PENDING, reasons)
    return Assessment(status=status, again=soonest.delay, retried=bool(ends))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _skipped(facts: Facts, index: str) -> str:
    """Where nothing had to be sent: that it is so, since a person who expects an upload should know. Else nothing."""
    files = facts.files.value.files if facts.files else ()
    if any(facts.wrote(f"index:{index}", file.filename) for file in files):
        return ""
    what = "the file" if len(files) == 1 else f"all {len(files)} files"
    return f"nothing uploaded: {what} stood there already, identical"


def _clashes(file: Distribution, index: IndexFacts) -> bool:
    return any(listed.filename == file.filename and listed.sha256 != file.sha256 for listed in index.files)


def absent(facts: Facts, index: str) -> tuple[str, ...]:
    """The names of our files that an index was seen without; empty where it was not seen."""
    seen, files = facts.indexes.get(index), facts.files
    if files is None or seen is None or isinstance(seen, Unreadable):
        return ()
    return tuple(file.filename for file in wheels_first(files.value.files) if seen.value.lists(file) is None)


def wheels_first(files: Iterable[Distribution]) -> list[Distribution]:
    """Wheels before sdists, so that an installer that comes between the two never has to build."""
    return sorted(files, key=lambda file: (file.kind is not DistributionKind.WHEEL, file.filename))


def _next(
    wanted: Wanted, facts: Facts, seen: IndexFacts, file: Distribution, index: str
) -> Upload | Look | Later | GiveUp:
    tries = facts.tries(f"index:{index}", file.filename)
    last = tries[-1] if tries else None
    if last is not None:
        if last.at >= seen.at:
            return Look(LookKind.INDEX, index=index)
        window = VISIBLE_IMMEDIATE if seen.place.immediate else VISIBLE_CACHED
        waited = facts.now - last.at
        if last.outcome is AttemptOutcome.ACCEPTED and waited < window:
            # Every look is a turn of its own, with its requests: soon where it lists at once, seldom behind a cache.
            again = min(max(waited / 2, LOOK_AGAIN_FIRST), LOOK_AGAIN_MOST)
            proven = any((r.target, r.file) == (f"index:{index}", file.filename) for r in facts.receipts)
            what = "stood there and is not listed any more" if proven else "was accepted and is not listed yet"
            return Later(again, f"{file.filename} {what}")
    late = _late(tries, facts.now)
    if late is not None:
        return Later(late, f"{file.filename} was accepted, and refused when it was sent again: {tries[-1].reason}")
    step = next_try(tries, asked=wanted.asked, now=facts.now, patience=seen.place.spec.retry_for)
    return step if isinstance(step, Later | GiveUp) else Upload(index=index, filename=file.filename)


def _late(tries: Sequence[Attempt], now: datetime) -> timedelta | None:
    """When to look again for a file that was accepted, never listed, and refused when sent again; None if that is no
    such file. An index that takes no name twice refuses so what it has: then its list is behind, be it a cache.
    """
    accepted = [attempt for attempt in tries if attempt.outcome is AttemptOutcome.ACCEPTED]
    refused = bool(tries) and tries[-1].outcome is AttemptOutcome.REFUSED and not tries[-1].again
    if not accepted or not refused or now - accepted[-1].at >= VISIBLE_CACHED:
        return None
    return min(max((now - accepted[-1].at) / 2, LOOK_AGAIN_FIRST), LOOK_AGAIN_MOST)


def _status(facts: Facts, index: str, state: TargetState, reason: str) -> TargetStatus:
    name = f"index:{index}"
    return TargetStatus(
        name=name, state=state, reason=reason, attempts=sum(attempt.target == name for attempt in facts.attempts)
    )
