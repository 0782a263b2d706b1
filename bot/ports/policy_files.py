"""Projects' own files of policy. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from bot.domain.layers import PolicyText
from bot.domain.refs import Project


class Age(Enum):
    """How old an answer may be: none, some minutes, or whatever was read last."""

    NEW = "new"
    RECENT = "recent"
    ANY = "any"


class PolicyFiles(Protocol):
    """Reading them, from the protected default branch only."""

    def of(self, project: Project, age: Age) -> PolicyText:
        """What the project's file says; an answer of that age may do."""
