"""What people and pipelines make in a project: merge requests, notes, releases, packages, events."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

from bot.sandbox.world.people import User


@dataclass(slots=True, kw_only=True, eq=False)
class Award:
    """An emoji somebody gave to a note, a merge request or an issue."""

    id: int
    name: str
    user: User
    created_at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class Note:
    """A comment on a merge request or an issue; `system` ones are written by GitLab.

    Notes with the same `discussion_id` are one discussion; `resolvable` ones belong to a thread of a merge request.
    """

    id: int
    body: str
    author: User
    created_at: datetime
    updated_at: datetime
    system: bool = False
    internal: bool = False
    emoji: list[Award] = field(default_factory=list)
    discussion_id: str = ""
    threaded: bool = False
    resolvable: bool = False
    resolved_at: datetime | None = None
    resolved_by: User | None = None
    edited_at: datetime | None = None
    edited_by: User | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Milestone:
    """A milestone of a project."""

    id: int
    iid: int
    title: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    state: str = "active"
    start_date: date | None = None
    due_date: date | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Issue:
    """An issue of a project."""

    id: int
    iid: int
    project_id: int
    title: str
    description: str
    author: User
    created_at: datetime
    updated_at: datetime
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    milestone: Milestone | None = None
    due_date: date | None = None
    confidential: bool = False
    closed_at: datetime | None = None
    closed_by: User | None = None
    discussion_locked: bool = False
    notes: dict[int, Note] = field(default_factory=dict)
    emoji: list[Award] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class MergeRequest:
    """A merge request within one project. `head_sha` follows the source branch while it is open."""

    id: int
    iid: int
    project_id: int
    title: str
    description: str
    author: User
    source_branch: str
    target_branch: str
    created_at: datetime
    updated_at: datetime
    head_sha: str
    base_sha: str | None = None
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    reviewers: list[User] = field(default_factory=list)
    approved_by: list[User] = field(default_factory=list)
    merged_at: datetime | None = None
    merge_user: User | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    squash: bool = False
    commit_shas: tuple[str, ...] = ()
    discussion_locked: bool = False
    milestone: Milestone | None = None
    notes: dict[int, Note] = field(default_factory=dict)
    emoji: list[Award] = field(default_factory=list)


Noteable: TypeAlias = MergeRequest | Issue
"""What people discuss: it has notes, emoji, labels and a state."""


@dataclass(slots=True, kw_only=True, eq=False)
class ReleaseLink:
    """A file or page a release points to."""

    id: int
    name: str
    url: str
    link_type: str = "other"
    filepath: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Release:
    """A GitLab Release; one per tag."""

    tag: str
    name: str
    description: str
    author: User | None
    sha: str
    created_at: datetime
    released_at: datetime
    links: dict[int, ReleaseLink] = field(default_factory=dict)
    milestones: list[Milestone] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class PackageFile:
    """One file of a package. Its bytes lie at `stored`; GitLab shows the declared digests, unchecked."""

    id: int
    file_name: str
    stored: Path
    size: int
    sha256: str
    declared_sha256: str | None
    declared_md5: str | None
    requires_python: str
    created_at: datetime
    pipeline_id: int | None = None

    @property
    def url_digest(self) -> str:
        """What names the file in its download URL."""
        return self.declared_sha256 or self.sha256


@dataclass(slots=True, kw_only=True, eq=False)
class Package:
    """One version of a package in a project's registry; `name` keeps the spelling of its first upload."""

    id: int
    project_id: int
    name: str
    version: str
    created_at: datetime
    creator: User | None = None
    status: str = "default"
    last_downloaded_at: datetime | None = None
    files: dict[int, PackageFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushData:
    """What a push event says. A bulk one has `ref_count` and no ref or commits."""

    commit_count: int
    action: str
    ref_type: str
    commit_from: str | None
    commit_to: str | None
    ref: str | None
    commit_title: str | None
    ref_count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a project, as its activity page tells it."""

    id: int
    project_id: int
    author: User
    action_name: str
    created_at: datetime
    target_type: str | None = None
    target_id: int | None = None
    target_iid: int | None = None
    target_title: str | None = None
    push: PushData | None = None
    note: tuple[Noteable, Note] | None = None
