"""What the audit needs to keep its issues. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from bot.domain.rolling import Issue, IssuePlace


class IssueEvent(StrEnum):
    """GitLab's words for a change of an issue's state. Source: lib/api/issues.rb, `state_event`."""

    CLOSE = "close"
    REOPEN = "reopen"


class Issues(Protocol):
    """Issues of our own user."""

    def ours(self) -> Iterator[Issue]:
        """Every issue that our user opened, open or closed, in whatever project; oldest first."""

    def create(self, place: IssuePlace, *, title: str, description: str, confidential: bool) -> Issue:
        """Open one in the project that holds the place's issue; RefusedError (403, 404) where we may not."""

    def update(self, issue: Issue, description: str, event: IssueEvent | None = None) -> None:
        """Replace the description and, with an event, the state; nothing else of it changes."""
