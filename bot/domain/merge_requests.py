"""Merge requests that are open: what the bot looks at before they are merged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMergeRequest:
    """An open merge request. `project` is the full path of the target, `sha` the head.

    Title, labels and author are foreign. `squash` says that its commits will be one.
    """

    project_id: int
    project: str
    iid: int
    sha: str
    target_branch: str
    title: str = ""
    web_url: str = ""
    updated_at: datetime | None = None
    labels: tuple[str, ...] = ()
    author: str = ""
    squash: bool = False

    @property
    def key(self) -> str:
        """`12!3`, which stays when the project moves."""
        return f"{self.project_id}!{self.iid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRefs:
    """The commits a merge request is the difference of: `base`, where it parted from its target, and `head`."""

    base: str
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestPlaces:
    """Where to look for merge requests: whole groups and projects by full path, or everything the token sees."""

    groups: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """A file at a commit: its blob, and its text, None where it is larger than is read."""

    oid: str
    text: str | None
