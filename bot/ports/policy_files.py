"""Projects' own files of policy. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from typing import Protocol

from bot.domain.layers import PolicyText
from bot.domain.refs import Project


class PolicyFiles(Protocol):
    """Reading them, from the protected default branch only."""

    def of(self, project: Project, *, fresh: bool) -> PolicyText:
        """What the project's file says; without `fresh` an answer of the last minutes may do."""
