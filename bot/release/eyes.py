"""What a look is made with: ports and what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.refs import Project
from bot.ports.builder import Archives, Builder
from bot.ports.ci import Planner
from bot.ports.gitlab import (
    Contents,
    FreezePeriods,
    History,
    Issues,
    Milestones,
    Notes,
    Pipelines,
    Refs,
    Releases,
    VariableReader,
)
from bot.ports.index import Anatomist, Distributions, Index
from bot.ports.store import Kept, Ledger
from bot.release.artifacts import Artifacts
from bot.release.consenting import Consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """All that observing needs; `user_id` is who we are on GitLab, `project` gives a project by its id.

    Without `need_bytes` the digests of kept files suffice (nothing will be sent).
    """

    refs: Refs
    contents: Contents
    pipelines: Pipelines
    variables: VariableReader
    history: History
    releases: Releases
    milestones: Milestones
    notes: Notes
    planner: Planner
    issues: Issues
    issue_notes: Notes
    user_id: int
    index: Index
    anatomist: Anatomist
    distributions: Distributions
    archives: Archives
    builder: Builder
    kept: Kept
    ledger: Ledger
    consents: Consents
    freezes: FreezePeriods
    clock: Callable[[], datetime]
    project: Callable[[int], Project | None]
    need_bytes: bool = True

    @property
    def artifacts(self) -> Artifacts:
        """What reads the files that jobs left."""
        return Artifacts(pipelines=self.pipelines, distributions=self.distributions, kept=self.kept)
