"""When GitLab stops calling a hook that fails. Source: app/models/concerns/web_hooks/auto_disabling.rb.

An ops flag: on for GitLab.com, off by default for others; only project and group hooks know it.
"""

from datetime import datetime, timedelta

from bot.sandbox.world.settings import Hook

GRACE_FAILURES = 3
"""Consecutive failures that cost nothing; the next one disables for a while."""
LASTING_FAILURES = 39
"""One more than these disables until a test succeeds."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(days=1)


def pause(failures: int) -> timedelta:
    """How long the hook rests after a failure that follows `failures` others (more than the grace): doubles."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - GRACE_FAILURES, 12), LONGEST_PAUSE)


def status(hook: Hook, now: datetime) -> str:
    """`alert_status`: executable, temporarily_disabled or disabled."""
    if hook.recent_failures > LASTING_FAILURES:
        return "disabled"
    resting = hook.disabled_until is not None and hook.disabled_until >= now
    return "temporarily_disabled" if resting and hook.recent_failures > GRACE_FAILURES else "executable"


def succeeded(hook: Hook) -> None:
    """The receiver took it: all is forgiven."""
    hook.recent_failures, hook.disabled_until = 0, None


def failed(hook: Hook, now: datetime) -> None:
    """One failure more: 4xx, 5xx, no answer. A disabled hook does not fail again."""
    if status(hook, now) != "executable":
        return
    before = hook.recent_failures
    hook.recent_failures = min(before + 1, LASTING_FAILURES + 1)
    if hook.recent_failures > GRACE_FAILURES:
        hook.disabled_until = now + pause(before)
