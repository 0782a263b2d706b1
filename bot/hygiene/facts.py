"""What rules judge: everything known of one project, frozen. A fact that could not be read says so and why."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.gitlab import Variables


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """One project. `ci` is None where it has no CI file."""

    project_id: int
    full_path: str
    variables: Variables
    ci: CiFacts | CiUnknown | None = None
