"""A branch of ours with a merge request, by which the bot proposes files to a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.gitlab import Changes
from bot.domain.notes import NotesPolicy
from bot.domain.refs import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a branch stands: the commit (40 hex digits), its whole message, and the commits it stands on."""

    sha: str
    message: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommit:
    """A commit to be made. `parent` is the commit it is to stand on; `new` says that the branch begins there.

    `files` are whole texts by path; `known` names those that the parent has. `reset` says that the branch may be there,
    and is moved to this commit wherever it stands: only for branches that are the bot's alone.
    """

    branch: str
    parent: str
    new: bool
    message: str
    files: Mapping[str, str]
    known: frozenset[str] = frozenset()
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch to be moved, only if it still stands at `before`. Commits in 40 hex digits, None for no branch."""

    branch: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What people read of a proposal: title and description of the merge request, subject of the commit."""

    title: str
    description: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A merge request from a branch. `state` is GitLab's word: opened, closed, merged, locked.

    `sha` is the head of its branch; `landed` the commit by which it is in its target, and `merged_by` who merged it,
    both None until then.
    """

    iid: int
    state: str
    author_id: int
    target_branch: str
    description: str
    web_url: str
    title: str = ""
    sha: str = ""
    landed: str | None = None
    merged_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDraft:
    """A release that is to be proposed: its tag and version, at which commit it was looked at, and what changed.

    `unreleased` is the section of that name in the changelog (None: there is none, or nothing in it).
    """

    project: Project
    notes: NotesPolicy
    tag: str
    version: str
    sha: str
    changes: Changes
    unreleased: str | None
