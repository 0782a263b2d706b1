"""A person's yes to what a release changes."""

from __future__ import annotations

import re
from datetime import datetime

from bot.cli.deciding import caller
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
    return Acceptance(digest=digest, by=caller(), at=now)
