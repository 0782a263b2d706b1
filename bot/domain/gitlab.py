"""What we read from GitLab, in our own frozen words. No type here has a field for a variable's value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class PipelineStatus(StrEnum):
    """Statuses of pipelines and jobs. Source: GitLab, app/models/concerns/ci/has_status.rb."""

    CREATED = "created"
    WAITING_FOR_RESOURCE = "waiting_for_resource"
    PREPARING = "preparing"
    WAITING_FOR_CALLBACK = "waiting_for_callback"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELING = "canceling"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    MANUAL = "manual"
    SCHEDULED = "scheduled"
    OTHER = "other"

    @property
    def complete(self) -> bool:
        """Whether nothing will change by itself any more."""
        return self in (PipelineStatus.SUCCESS, PipelineStatus.FAILED, PipelineStatus.CANCELED, PipelineStatus.SKIPPED)

    @property
    def failed(self) -> bool:
        """Whether it is over and did not succeed."""
        return self.complete and self is not PipelineStatus.SUCCESS

    @property
    def still(self) -> bool:
        """Whether nothing happens as long as no person, or bot, does something."""
        return self.complete or self is PipelineStatus.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One pipeline. `source` is GitLab's word (`push`, `web`, `merge_request_event`, …)."""

    id: int
    ref: str
    sha: str
    source: str
    status: PipelineStatus
    web_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of a pipeline, retried ones excluded. `has_artifacts` means an archive is there to download.

    Times are by our clock, as near as GitLab's own lets us tell. `finished_at` is None for a job that has not run to an
    end; `artifacts_expire_at` stays when the artifacts are gone.
    """

    id: int
    name: str
    stage: str
    status: PipelineStatus
    allow_failure: bool
    has_artifacts: bool
    artifacts_expire_at: datetime | None
    web_url: str
    failure_reason: str = ""
    finished_at: datetime | None = None


class Level(StrEnum):
    """Where a CI/CD variable is set."""

    PROJECT = "project"
    GROUP = "group"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableFlags:
    """A CI/CD variable without its value.

    `owner` is the path or name of who holds it; `hidden` is None where GitLab does not tell.
    `file` says that jobs get the path of a file with the value.
    """

    key: str
    level: Level
    owner: str
    protected: bool
    masked: bool
    hidden: bool | None
    raw: bool
    environment_scope: str
    file: bool = False


@dataclass(frozen=True, slots=True)
class UnreadableLevel:
    """A level whose variables our role may not read; `words` name it and the role that could."""

    level: Level
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """All variables a project's jobs may see, and the levels our role may not read."""

    flags: tuple[VariableFlags, ...]
    unreadable: tuple[UnreadableLevel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """A merged merge request. Its title is foreign text and reaches people only through the texts' safe function."""

    iid: int
    title: str
    web_url: str
    author: str
    labels: tuple[str, ...] = ()
    merged_at: datetime | None = None
    milestone: str = ""
    author_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as far as notes tell of it. `message` is foreign and may be cut; `merge_request` is the iid of the one
    that brought it, as far as that is known; `merge` says that it has more than one parent.
    """

    sha: str
    message: str
    author: str
    web_url: str = ""
    merge: bool = False
    merge_request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a release ships: the merge requests merged since the previous release tag (None: there was none before).

    `previous_sha` is the commit of that tag; `commits` are all that are new, newest first. `paths` are the files that
    differ between the two, None where that is not known for sure.
    """

    previous_tag: str | None
    merge_requests: tuple[MergeRequest, ...]
    complete: bool = True
    commits: tuple[Commit, ...] = ()
    previous_sha: str | None = None
    paths: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLink:
    """One asset link of a GitLab Release."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue as far as notes need it. Title and description may be foreign."""

    iid: int
    title: str
    description: str
    author_id: int
    open: bool
    web_url: str
    project_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabRelease:
    """A GitLab Release as it stands."""

    tag: str
    name: str
    description: str
    links: tuple[ReleaseLink, ...]
    web_url: str
    released_at: datetime | None = None
    milestones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note on a merge request. `system` notes are GitLab's own."""

    id: int
    body: str
    author_id: int
    system: bool = False


class Role(IntEnum):
    """What members may do; only those that a release may ask for are named. Source: lib/gitlab/access.rb."""

    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50

    @property
    def word(self) -> str:
        """The lower-case word of the configuration."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot's token is. `scopes` is None where GitLab does not tell (a job token, an OAuth token)."""

    user_id: int
    username: str
    admin: bool
    scopes: tuple[str, ...] | None
    expires_on: str | None
    version: str


def handed_back(text: str) -> str:
    """A note or description as GitLab may hand it back: line ends normalised, outer blanks gone."""
    return text.replace("\r\n", "\n").strip()
