"""What the audit needs to keep its issues. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import Protocol

from bot.domain.findings import PlaceReport
from bot.domain.rolling import IssuePlace, RollingIssue


class IssueEvent(StrEnum):
    """GitLab's words for a change of an issue's state. Source: lib/api/issues.rb, `state_event`."""

    CLOSE = "close"
    REOPEN = "reopen"


class RollingIssues(Protocol):
    """Issues of our own user."""

    def ours(self) -> Iterator[RollingIssue]:
        """Every issue that our user opened, open or closed, in whatever project; oldest first."""

    def create(self, place: IssuePlace, *, title: str, description: str, confidential: bool) -> RollingIssue:
        """Open one in the project that holds the place's issue; RefusedError (403, 404) where we may not."""

    def update(self, issue: RollingIssue, description: str, event: IssueEvent | None = None) -> None:
        """Replace the description and, with an event, the state; nothing else of it changes."""


class IssueTexts(Protocol):
    """What the audit's rolling issues say. Same arguments, same text; every body ends with the place's marker."""

    def title(self, report: PlaceReport) -> str:
        """The title of a new issue; people may change it afterwards."""

    def body(self, report: PlaceReport) -> str:
        """The description: what was found, or, without findings, that nothing is left."""

    def folded(self, report: PlaceReport, oldest: RollingIssue) -> str:
        """The description of a second issue about the same place: it points to the oldest."""

    def of_places(self, keys: Collection[str], issues: Iterable[RollingIssue]) -> dict[str, tuple[RollingIssue, ...]]:
        """Place key -> the issues with our marker for that place, the oldest first; places without any left out."""
