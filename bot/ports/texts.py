"""What the loop needs from the texts: pure functions, handed in by the engine (jobs do not import each other)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain.gitlab import MergeRequest, Note
from bot.domain.report import ReleaseReport


class Texts(Protocol):
    """All the bot ever posts. Same arguments, same text: what is unchanged is never written anew."""

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """The description of the GitLab Release: our marked block, in the midst of whatever people wrote around it."""

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """The sticky note on one merge request, marker included."""

    def own(self, notes: Sequence[Note], report: ReleaseReport, merge_request: MergeRequest) -> tuple[Note, ...]:
        """Which of the notes are this note: by our user, with our MAC for this topic; oldest first."""
