"""Making tags. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.versioning import NewHead


class Tagging(Protocol):
    """Tags of one project."""

    def create(self, project_id: int, *, name: str, sha: str, message: str) -> None:
        """Make an annotated tag of a commit. A RefusedError if there is one of that name, or we may not."""


class NewHeads(Protocol):
    """New commits about which the daemon is to see whether they are tagged, one a project: the newest."""

    def due(self, now: datetime, limit: int) -> tuple[NewHead, ...]:
        """Those to be looked at, the longest due first."""

    def settle(self, head: NewHead) -> bool:
        """Keep what came of a look; False, and nothing is kept, if a newer commit was seen meanwhile."""

    def pending(self) -> tuple[NewHead, ...]:
        """Those that were looked at and are to be again, the newest first: `told` says why they are not tagged yet."""
