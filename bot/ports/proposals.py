"""What it takes to propose files to a project. Errors are those of `bot.ports.gitlab`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain.proposals import Head, Move, NewCommit, Proposal, ReleaseDraft, Words
from bot.domain.refs import Project


class Branches(Protocol):
    """Branches of one project, and commits on them."""

    def ci_path(self, project_id: int) -> str:
        """Where the project keeps its CI file: a path in its repository, or whatever its settings say instead."""

    def linear(self, project_id: int) -> bool:
        """Whether the project merges only what stands on the newest commit of the target."""

    def head(self, project_id: int, branch: str) -> Head | None:
        """Where the branch stands, or None."""

    def commit(self, project_id: int, commit: NewCommit) -> None:
        """Make it. A RefusedError if the branch is there that should be new, or if a file is no longer as it was."""

    def at(self, project_id: int, sha: str) -> Head | None:
        """A commit, or None."""


class Pushes(Protocol):
    """Branches moved to commits that are there, each only if it still stands where it was seen."""

    def taken(self, project: Project) -> bool:
        """Whether pushes are taken from us at all: an instance may have git over HTTP switched off."""

    def push(self, project: Project, moves: Sequence[Move]) -> None:
        """Move them, all those that can be. A RefusedError if one is not."""


class Proposals(Protocol):
    """Merge requests from one branch."""

    def of_branch(self, project_id: int, branch: str) -> tuple[Proposal, ...]:
        """All of them, open or not, newest first."""

    def open(self, project_id: int, *, branch: str, target: str, words: Words) -> Proposal:
        """Open one. A RefusedError if there is one already."""

    def update(self, project_id: int, iid: int, words: Words) -> None:
        """Give one that title and description."""


class RequestTexts(Protocol):
    """What is said about a release that is proposed. Same arguments, same text."""

    def entry(self, draft: ReleaseDraft) -> str:
        """What changed, as the release notes will have it, in Markdown that is safe."""

    def words(self, draft: ReleaseDraft, *, entry: str, marker: str) -> Words:
        """Title, description and commit subject; `marker` is the hidden line by which the merge request is known."""
