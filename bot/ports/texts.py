"""What the loop needs from the texts: pure functions, handed in by the engine (jobs do not import each other)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from bot.domain.findings import PlaceReport
from bot.domain.gitlab import MergeRequest, Note
from bot.domain.report import ReleaseReport
from bot.domain.rolling import Issue


class Texts(Protocol):
    """All the bot ever posts. Same arguments, same text: what is unchanged is never written anew."""

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """The description of the GitLab Release: our marked block, in the midst of whatever people wrote around it."""

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """The sticky note on one merge request, marker included."""

    def own(self, notes: Sequence[Note], report: ReleaseReport, merge_request: MergeRequest) -> tuple[Note, ...]:
        """Which of the notes are this note: by our user, with our MAC for this topic; oldest first."""


class IssueTexts(Protocol):
    """What the audit's rolling issues say. Same arguments, same text; every body ends with the place's marker."""

    def title(self, report: PlaceReport) -> str:
        """The title of a new issue; people may change it afterwards."""

    def body(self, report: PlaceReport) -> str:
        """The description: what was found, or, without findings, that nothing is left."""

    def folded(self, report: PlaceReport, oldest: Issue) -> str:
        """The description of a second issue about the same place: it points to the oldest."""

    def of_places(self, keys: Collection[str], issues: Iterable[Issue]) -> dict[str, tuple[Issue, ...]]:
        """Place key -> the issues with our marker for that place, the oldest first; places without any left out."""
