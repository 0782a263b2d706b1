"""What the dashboard reads. Nothing here can write, and every method is one short look at the state.

Each raises TransientError if the state cannot be read now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.tokens import Expiries
from bot.domain.versioning import NewHead
from bot.domain.views import (
    BotView,
    Counts,
    FindingFilter,
    FindingPlace,
    FindingRow,
    ProjectFilter,
    ProjectRow,
    ProjectTally,
    ReleaseCounts,
    ReleaseFilter,
    ReleasePlace,
    ReleaseRow,
    ReleaseStory,
)


class ReleaseViews(Protocol):
    """Releases on record."""

    def releases(self, wanted: ReleaseFilter, after: ReleasePlace | None, limit: int) -> tuple[ReleaseRow, ...]:
        """The newest first, at most `limit`, from after a place on."""
        ...

    def story(self, key: str) -> ReleaseStory | None:
        """All of one release; None if there is none."""
        ...

    def counts(self, among: Sequence[int] | None) -> ReleaseCounts:
        """How many releases of these projects, of all for None, there are."""
        ...

    def stamp(self) -> str:
        """A word that changes when a release, the ledger or the daemon's reading does."""
        ...


class FindingViews(Protocol):
    """The history of findings."""

    def findings(self, wanted: FindingFilter, after: FindingPlace | None, limit: int) -> tuple[FindingRow, ...]:
        """The gravest first and of these the newest, at most `limit`, from after a place on."""
        ...

    def counts(self, among: Sequence[int] | None, group: Callable[[str], bool]) -> Counts:
        """Those of these projects, and of the groups whose full path (empty: the instance) passes; all for None."""
        ...


class ProjectViews(Protocol):
    """Watched projects."""

    def projects(self, wanted: ProjectFilter, after: str | None, limit: int) -> tuple[ProjectRow, ...]:
        """By path, at most `limit`, from after a path on."""
        ...

    def project(self, project_id: int) -> ProjectRow | None:
        """One that is watched; None for any other."""
        ...

    def tally(self, projects: Sequence[ProjectRow]) -> Mapping[int, ProjectTally]:
        """What is on record of each, by id."""
        ...

    def head(self, project_id: int) -> NewHead | None:
        """Its newest commit that the daemon was to tag or to propose; None where policy never asked for that."""
        ...

    def group_tokens(self, groups: Sequence[str]) -> Mapping[str, Expiries]:
        """When tokens of groups end, by full path; those that no audit looked at are absent."""
        ...

    def paths(self) -> Mapping[int, str]:
        """The full paths of all projects ever watched, by id."""
        ...


class BotViews(Protocol):
    """The bot itself."""

    def bot(self, now: datetime) -> BotView:
        """What it is doing."""
        ...
