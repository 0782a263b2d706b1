"""A branch of ours with a merge request, by which the bot proposes files to a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a branch stands: the commit (40 hex digits) and its whole message."""

    sha: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommit:
    """A commit to be made. `parent` is the commit it is to stand on; `new` says that the branch begins there.

    `files` are whole texts by path; `known` names those that the parent has.
    """

    branch: str
    parent: str
    new: bool
    message: str
    files: Mapping[str, str]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What people read of a proposal: title and description of the merge request, subject of the commit."""

    title: str
    description: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A merge request from a branch. `state` is GitLab's word: opened, closed, merged, locked."""

    iid: int
    state: str
    author_id: int
    target_branch: str
    description: str
    web_url: str
