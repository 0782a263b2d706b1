"""Our clock. GitLab has one of its own, see bot.ports.gitlab.Account.now."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This machine's time, UTC."""
    return datetime.now(UTC)
