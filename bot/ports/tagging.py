"""Making tags. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from typing import Protocol


class Tagging(Protocol):
    """Tags of one project."""

    def create(self, project_id: int, *, name: str, sha: str, message: str) -> None:
        """Make an annotated tag of a commit. A RefusedError if there is one of that name, or we may not."""
