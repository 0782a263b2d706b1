"""A person's yes to what a release changes."""

from __future__ import annotations

import os
import pwd
import re
from datetime import datetime

from bot.domain.errors import ConfigError
from bot.domain.releases import Acceptance

_DIGEST = re.compile(r"[0-9a-f]{12}")


def acceptance(digest: str, now: datetime) -> Acceptance:
    """The acceptance of exactly these differences. Raises: ConfigError for what is no such digest."""
    if not _DIGEST.fullmatch(digest):
        raise ConfigError(
            what="is not the 12 hex digits that the gate `changes` ends with",
            where="--accept-changes",
            remedy="`ropewalk release status PROJECT@REF` shows what changes and the whole command",
        )
    return Acceptance(digest=digest, by=_who(), at=now)


def _who() -> str:
    """Who types, as this machine knows them: it is their access to the bot's state that lets them accept."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user that no file names
        return f"uid {os.getuid()}"
