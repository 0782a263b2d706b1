"""What the loop needs from the texts: pure functions, handed in by the engine (jobs do not import each other).

Same arguments, same text: what is unchanged is never written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.gitlab import Issue, MergeRequest, Note
from bot.domain.report import ReleaseReport


class ReleaseDescriptions(Protocol):
    """The texts of GitLab Releases."""

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """The description of the GitLab Release: our marked block, in the midst of whatever people wrote around it."""


class NoteTexts(Protocol):
    """The notes on merge requests and issues."""

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """The sticky note on one merge request, marker included."""

    def issue_note(self, report: ReleaseReport, issue: Issue, merge_request: MergeRequest) -> str:
        """The note on an issue that a shipped merge request closed, marker included."""

    def own(self, notes: Sequence[Note], report: ReleaseReport, place: MergeRequest | Issue) -> tuple[Note, ...]:
        """Which of the notes there are this note: by our user, with our MAC for this topic; oldest first."""

    def reply(
        self, report: ReleaseReport, merge_request: MergeRequest, sticky: Note, notes: Sequence[Note]
    ) -> str | None:
        """What calls a person to a merge request whose `sticky` note is about to tell of a release that stopped.

        None if nobody need be called, or if `notes` has that call already: there is one for each outcome.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureText:
    """The description of the failure issue as it is to be, and whether the issue is to be open (None: as it is)."""

    text: str
    open: bool | None


class FailureTexts(Protocol):
    """The project's one issue about releases that stopped."""

    def failure_title(self, report: ReleaseReport) -> str:
        """Its title."""

    def failure(self, report: ReleaseReport, existing: str | None, *, stopped: bool) -> FailureText:
        """`existing` with what this release has to say: its entry put in if it `stopped`, else taken out with those of
        the releases that it makes up for. Text that people wrote around our entries stays.
        """

    def own_issues(self, issues: Sequence[Issue], report: ReleaseReport) -> tuple[Issue, ...]:
        """Which of the issues are it: by our user, with our MAC; oldest first."""


class Texts(ReleaseDescriptions, NoteTexts, FailureTexts, Protocol):
    """All the bot ever posts."""
