"""Exit codes, and which one stands for which end."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from bot.domain.errors import ConfigError, CredentialsError, RefusedError, RopewalkError, TransientError
from bot.domain.releases import Attempt, AttemptOutcome, Release, ReleaseState, TargetState
from bot.domain.verdicts import Verdict


class Exit(IntEnum):
    """What the process ends with; scripts rely on these."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    NOTHING = 3
    UNKNOWN = 4
    BLOCKED = 5
    UNREACHABLE = 6
    INFO = 11
    LOW = 12
    MEDIUM = 13
    HIGH = 14
    FAILED = 20
    PARTIAL = 21
    CONFLICT = 22
    INTERRUPTED = 130


_STATES = {
    ReleaseState.BLOCKED: Exit.BLOCKED,
    ReleaseState.FAILED: Exit.FAILED,
    ReleaseState.PARTIAL: Exit.PARTIAL,
    ReleaseState.CONFLICT: Exit.CONFLICT,
}


def exit_of_release(release: Release, *, public: bool, attempts: Sequence[Attempt] = ()) -> Exit:
    """The code of a release's state; `public` is whether something of it stands in public already."""
    state = release.state
    if state is ReleaseState.FAILED and not public and _denied(release, attempts):
        return Exit.UNREACHABLE
    if state is ReleaseState.BLOCKED and not public and _blind(release):
        return Exit.UNREACHABLE
    if state is ReleaseState.WITHDRAWN:
        return Exit.PARTIAL if public else Exit.FAILED
    return _STATES.get(state, Exit.DONE)


def _blind(release: Release) -> bool:
    """Whether it is blocked because an index could not be looked at: unreachable, or refusing the credentials."""
    return any(gate.name == "index_guard" and gate.verdict is Verdict.UNKNOWN for gate in release.gates)


def _denied(release: Release, attempts: Sequence[Attempt]) -> bool:
    """Whether it failed because an index or GitLab refused the credentials at the last try."""
    failed = {target.name for target in release.targets if target.state is TargetState.FAILED}
    last = {attempt.target: attempt.outcome for attempt in attempts if attempt.target in failed}
    return AttemptOutcome.DENIED in last.values()


def exit_of_error(error: RopewalkError) -> Exit:
    """The code of an expected error that ended a command."""
    if isinstance(error, ConfigError):
        return Exit.USAGE
    if isinstance(error, RefusedError) and error.status == 404 and not isinstance(error, CredentialsError):
        return Exit.NOTHING
    if isinstance(error, TransientError | RefusedError):
        return Exit.UNREACHABLE
    return Exit.FAULT
