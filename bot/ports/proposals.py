"""What it takes to propose files to a project. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from typing import Protocol

from bot.domain.proposals import Head, NewCommit, Proposal, Words


class Branches(Protocol):
    """Branches of one project, and commits on them."""

    def ci_path(self, project_id: int) -> str:
        """Where the project keeps its CI file: a path in its repository, or whatever its settings say instead."""

    def head(self, project_id: int, branch: str) -> Head | None:
        """Where the branch stands, or None."""

    def commit(self, project_id: int, commit: NewCommit) -> None:
        """Make it. A RefusedError if the branch is there that should be new, or if a file is no longer as it was."""


class Proposals(Protocol):
    """Merge requests from one branch."""

    def of_branch(self, project_id: int, branch: str) -> tuple[Proposal, ...]:
        """All of them, open or not, newest first."""

    def open(self, project_id: int, *, branch: str, target: str, words: Words) -> Proposal:
        """Open one. A RefusedError if there is one already."""
