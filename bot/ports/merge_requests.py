"""What the bot needs of merge requests that are not merged yet. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.findings import HygieneChange
from bot.domain.gitlab import Commit, Note
from bot.domain.merge_requests import DiffRefs, FileText, MergeRequestPlaces, OpenMergeRequest


class MergeRequests(Protocol):
    """Merge requests."""

    def open_since(self, places: MergeRequestPlaces, moment: datetime) -> Iterator[OpenMergeRequest]:
        """Open ones that changed after a moment of GitLab's clock, longest ago first; a hundred a request.

        One that lies in several of the places comes several times; a place that is not there gives none.
        """

    def refs(self, project_id: int, iid: int) -> DiffRefs | None:
        """Its commits; None while GitLab prepares it, or if it is gone."""

    def commits(self, project_id: int, iid: int) -> tuple[Commit, ...]:
        """Its commits, newest first, at most two hundred."""


class CiTexts(Protocol):
    """CI files at a commit."""

    def path(self, project: str) -> str | None:
        """Where the project's settings put its CI file; None if there is no such project."""

    def oids(self, project: str, sha: str, paths: Collection[str]) -> Mapping[str, str]:
        """Path -> blob of those files that are there."""

    def texts(self, project: str, sha: str, paths: Collection[str]) -> Mapping[str, FileText]:
        """Those files that are there, with their texts."""


class ReviewTexts(Protocol):
    """What is said on a merge request that changes hygiene. Same arguments, same text."""

    def note(self, request: OpenMergeRequest, change: HygieneChange) -> str:
        """The note, marker included; also for a request that changes nothing any more."""

    def own(self, notes: Sequence[Note], request: OpenMergeRequest) -> tuple[Note, ...]:
        """Which of the notes are this note: by our user, with our marker; oldest first."""


class ReviewRecords(Protocol):
    """Which merge requests were looked at, at which commit."""

    def seen(self, key: str) -> str | None:
        """What was looked at last, as `keep` was told; None for a merge request that never was."""

    def keep(self, key: str, mark: str, now: datetime) -> None:
        """Remember it; what is older than half a year is forgotten."""
