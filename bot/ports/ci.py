"""What the loop needs to know of a project's CI file, and what an adapter gives for it."""

from __future__ import annotations

from typing import Protocol

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.ci_plan import PlannedPipeline
from bot.domain.refs import Project
from bot.domain.releases import ReleaseId


class CiFile(Protocol):
    """A project's CI file at a commit."""

    def at(self, project: Project, sha: str) -> CiFacts | CiUnknown | None:
        """The file, with its includes merged where GitLab lets us; None if there is none.

        Raises: TransientError, CredentialsError, RefusedError.
        """


class Planner(Protocol):
    """What the pipeline of a ref would run."""

    def planned(self, project: Project, release: ReleaseId, source: str) -> PlannedPipeline | CiUnknown | None:
        """The jobs of the release's commit for its protected ref; None if there is no CI file.

        `source` is how the pipeline came to be, in GitLab's word. Raises: TransientError, CredentialsError,
        RefusedError.
        """
