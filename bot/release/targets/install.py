"""What stands on an index can be installed from there, where policy wants that tried (`releases[].install_check`)."""

from __future__ import annotations

from packaging.utils import parse_wheel_filename

from bot.domain.distributions import Distribution, DistributionKind
from bot.domain.releases import AttemptOutcome, TargetState, TargetStatus
from bot.release.actions import InstallCheck
from bot.release.facts import Facts, Look, LookKind, Wanted
from bot.release.identity import released_files
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment


def assess(wanted: Wanted, facts: Facts, index: str) -> Assessment | Look:
    """Done once pip installed a wheel of the release from that index; skipped where no wheel of it fits this Python."""
    if facts.files is None:
        return Look(LookKind.FILES)
    wheels = [file for file in released_files(wanted, facts) if file.kind is DistributionKind.WHEEL]
    fitting = next((wheel for wheel in wheels if _fits(wheel, wanted.tags)), None)
    if fitting is None:
        why = "no wheel of it fits the bot's own Python" if wheels else "it has no wheel, and nothing is built for this"
        return _said(facts, index, TargetState.SKIPPED, why)
    tries = facts.tries(f"install:{index}", fitting.filename)
    if any(one.outcome is AttemptOutcome.ACCEPTED for one in tries):
        return _said(facts, index, TargetState.DONE, f"pip installed {fitting.filename}")
    step = next_try(tries, asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp):
        return _said(facts, index, TargetState.FAILED, f"{fitting.filename}: {step.reason}")
    if isinstance(step, Later):
        status = _status(facts, index, TargetState.PENDING, step.reason)
        return Assessment(status=status, again=step.delay)
    name, version = fitting.metadata.name, fitting.metadata.version
    action = InstallCheck(index=index, filename=fitting.filename, name=name, version=version)
    return Assessment(status=_status(facts, index, TargetState.PENDING, f"to do: {action.words}"), actions=(action,))


def _fits(wheel: Distribution, tags: frozenset[str]) -> bool:
    return any(str(tag) in tags for tag in parse_wheel_filename(wheel.filename)[3])


def _said(facts: Facts, index: str, state: TargetState, reason: str) -> Assessment:
    return Assessment(status=_status(facts, index, state, reason))


def _status(facts: Facts, index: str, state: TargetState, reason: str) -> TargetStatus:
    name = f"install:{index}"
    attempts = sum(attempt.target == name for attempt in facts.attempts)
    return TargetStatus(name=name, state=state, reason=reason, attempts=attempts)
