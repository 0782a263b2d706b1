"""Which exit code stands for which end."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cli.codes import Exit
from bot.domain.errors import ConfigError, CredentialsError, RefusedError, RopewalkError, TransientError
from bot.domain.releases import Attempt, AttemptOutcome, Release, ReleaseState, TargetState
from bot.domain.verdicts import Consequence, Verdict
from bot.release.judge import PEOPLE

__all__ = ["Exit", "exit_of_error", "exit_of_release", "waits_for_index", "waits_for_people"]

_STATES = {
    ReleaseState.BLOCKED: Exit.BLOCKED,
    ReleaseState.FAILED: Exit.FAILED,
    ReleaseState.PARTIAL: Exit.PARTIAL,
    ReleaseState.CONFLICT: Exit.CONFLICT,
}
_LOST = frozenset({AttemptOutcome.REFUSED, AttemptOutcome.UNCLEAR})
_NO_WORD = frozenset({AttemptOutcome.DENIED, AttemptOutcome.UNCLEAR})


def exit_of_release(release: Release, *, public: bool, attempts: Sequence[Attempt] = ()) -> Exit:
    """The code of a release's state; `public` is whether something of it stands in public already."""
    state = release.state
    if state is ReleaseState.FAILED and not public and _unreached(release, attempts):
        return Exit.UNREACHABLE
    if state is ReleaseState.BLOCKED and not public and _blind(release):
        return Exit.UNREACHABLE
    if state is ReleaseState.WITHDRAWN:
        return Exit.PARTIAL if public else Exit.FAILED
    if waits_for_people(release):
        return Exit.BLOCKED
    return _STATES.get(state, Exit.DONE)


def waits_for_people(release: Release) -> bool:
    """Whether it waits for what no command sits out: a freeze, a hold with an end, somebody's approval."""
    stopping = {gate.name for gate in release.gates if gate.consequence is Consequence.WAIT}
    return release.state is ReleaseState.WAITING and not release.woken and bool(stopping & PEOPLE)


def waits_for_index(release: Release, attempts: Sequence[Attempt]) -> bool:
    """Whether it waits until an index is asked again to take what it did not take."""
    pending = {target.name for target in release.targets if target.state is TargetState.PENDING}
    last = {attempt.target: attempt for attempt in attempts if attempt.target in pending}
    lost = any(name.startswith("index:") and attempt.outcome in _LOST for name, attempt in last.items())
    return release.state is ReleaseState.WAITING and not release.woken and lost


def _blind(release: Release) -> bool:
    """Whether it is blocked because an index could not be looked at: unreachable, or refusing the credentials."""
    return any(gate.name == "index_guard" and gate.verdict is Verdict.UNKNOWN for gate in release.gates)


def _unreached(release: Release, attempts: Sequence[Attempt]) -> bool:
    """Whether it failed because an index or GitLab refused the credentials at the last try, or gave no answer that
    counts, as often as it was tried.
    """
    failed = {target.name for target in release.targets if target.state is TargetState.FAILED}
    last = {attempt.target: attempt.outcome for attempt in attempts if attempt.target in failed}
    return not _NO_WORD.isdisjoint(last.values())


def exit_of_error(error: RopewalkError) -> Exit:
    """The code of an expected error that ended a command."""
    if isinstance(error, ConfigError):
        return Exit.USAGE
    if isinstance(error, RefusedError) and error.status == 404 and not isinstance(error, CredentialsError):
        return Exit.NOTHING
    if isinstance(error, TransientError | RefusedError):
        return Exit.UNREACHABLE
    return Exit.FAULT
