"""What a pipeline and a job are, field by field as GitLab's REST entities name them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

Status: TypeAlias = Literal[
    "created", "pending", "running", "success", "failed", "canceling", "canceled", "skipped", "manual"
]
When: TypeAlias = Literal["on_success", "on_failure", "always", "manual", "never"]
Level: TypeAlias = Literal["instance", "group", "project"]

COMPLETED: frozenset[Status] = frozenset({"success", "failed", "canceled", "skipped"})
CANCELABLE: frozenset[Status] = frozenset({"created", "pending", "running"})
RETRYABLE: frozenset[Status] = frozenset({"success", "failed", "canceled"})


class Clock(Protocol):
    """The organisation's time, which need not be this machine's."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


class CiError(Exception):
    """GitLab refuses: `messages` are the sentences it would answer with (the `base` list of a 400)."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file a job left behind. `size` in bytes."""

    file_type: str
    size: int
    filename: str
    file_format: str | None


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """One pipeline. It is changed in place while its jobs run; times are aware UTC.

    `variables` holds what the caller sent (`key`, `value`, `variable_type`), values included, as GitLab keeps them.
    """

    id: int
    iid: int
    project_id: int
    ref: str
    tag: bool
    sha: str
    before_sha: str
    source: str
    status: Status
    user_id: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    yaml_errors: str | None = None
    variables: list[dict[str, str]] = field(default_factory=list)
    merge_request_iid: int | None = None
    name: str | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    """One job of a pipeline. `duration` in seconds of the organisation's clock."""

    id: int
    name: str
    stage: str
    status: Status
    ref: str
    tag: bool
    allow_failure: bool
    created_at: datetime
    pipeline_id: int
    project_id: int
    user_id: int
    when: When
    environment: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    artifacts: list[Artifact] = field(default_factory=list)
    artifacts_expire_at: datetime | None = None
    retried: bool = False
    failure_reason: str | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CiVariable:
    """One CI/CD variable of the instance, a group or a project.

    `depth` orders groups: 0 is the root group, a larger number is closer to the project.
    """

    key: str
    value: str
    level: Level
    depth: int = 0
    protected: bool = False
    masked: bool = False
    hidden: bool = False
    raw: bool = False
    file: bool = False
    environment_scope: str = "*"


class CiProject(Protocol):
    """What the runner asks of a project. `repository` is the path of a bare git repository."""

    @property
    def id(self) -> int: ...
    @property
    def full_path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def default_branch(self) -> str: ...
    @property
    def repository(self) -> Path: ...
    @property
    def visibility(self) -> str: ...
    @property
    def ci_config_path(self) -> str: ...

    def protects(self, ref: str, *, tag: bool) -> bool:
        """Whether this branch or tag (short name) is protected."""

    def ci_variables(self) -> list[CiVariable]:
        """All variables the project sees: its own, every ancestor group's, the instance's."""
