"""What an audit knows of the places of an organisation: projects, groups and the instance, frozen, never a value.

A fact that could not be read is `Unread` and says who could; a fact nobody asked for is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.gitlab import Level, VariableFlags, Variables

CI_PATH = ".gitlab-ci.yml"
"""Where a project's CI file is unless its settings say otherwise."""


class Role(IntEnum):
    """GitLab's access levels, as protection rules name them. Source: lib/gitlab/access.rb."""

    NOBODY = 0
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50
    ADMIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something that could not be looked at: `what`, and in `remedy` whose role would resolve it or what else would."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedTags:
    """One protection rule for tags. `create` are the access levels that may create them (users and keys left out)."""

    pattern: str
    create: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedBranches:
    """One protection rule for branches; levels as in `ProtectedTags`."""

    pattern: str
    push: tuple[int, ...]
    merge: tuple[int, ...]
    force_push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A pipeline schedule; `ref` is a short name or a full one. `keys` name its own variables, None where that may not
    be seen.
    """

    id: int
    ref: str
    active: bool
    description: str = ""
    keys: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger token; its text is dropped where it is read."""

    id: int
    description: str
    owner: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An active token of a project or group; its name and text are dropped where it is read. None: it never expires."""

    id: int
    scopes: tuple[str, ...]
    expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTokens:
    """The tokens of a group (full path) that a project is in."""

    group: str
    access_tokens: tuple[AccessToken, ...] | Unread
    deploy_tokens: tuple[AccessToken, ...] | Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """What a project's own settings say. `variables_role` is GitLab's word for who may run pipelines with variables:
    `no_one_allowed`, `developer`, `maintainer`, `owner`; None where GitLab does not tell. `personal` says that it is
    in no group but among a person's own; `pipelines` and `packages` are whether it has CI/CD and a package registry.
    """

    default_branch: str | None
    visibility: str
    public_jobs: bool
    variables_role: str | None
    ci_path: str | None = None
    personal: bool = False
    pipelines: bool = True
    packages: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what in a project that publishes. `allowlist` is False if any project's job token opens it;
    `forwards_pypi` says that names its group's registry lacks are looked up on PyPI; `groups` are those that it is in,
    the nearest first.
    """

    settings: ProjectSettings | Unread
    tags: tuple[ProtectedTags, ...] | Unread
    branches: tuple[ProtectedBranches, ...] | Unread
    allowlist: bool | Unread
    schedules: tuple[Schedule, ...] | Unread
    triggers: tuple[Trigger, ...] | Unread
    forwards_pypi: bool | Unread = False
    access_tokens: tuple[AccessToken, ...] | Unread = ()
    deploy_tokens: tuple[AccessToken, ...] | Unread = ()
    groups: tuple[GroupTokens, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """One place: a project, or a group or the instance as a holder of variables (`level`), which have id 0.

    `variables` are those of the place and of all above it; `unread` says why its own cannot be read. `ci` is None where
    there is no CI file or nobody asked for it, `ci_path` is where it lies, `PATH@GROUP/PROJECT` in another project;
    `access` is None where nobody asked. `release_tags` are the tag patterns that policy releases, `named` the variables
    that it calls credentials of publishing.
    """

    project_id: int
    full_path: str
    variables: Variables
    ci: CiFacts | CiUnknown | None = None
    level: Level = Level.PROJECT
    unread: Unread | None = None
    access: Access | None = None
    release_tags: tuple[str, ...] = ("v*",)
    topics: tuple[str, ...] = ()
    archived: bool = False
    ci_path: str = CI_PATH
    named: frozenset[str] = frozenset()
    at: datetime | None = None
    own: tuple[VariableFlags, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        """Choose `own`, the variables that are kept here and not above: once, for every rule asks for them."""
        level, path = self.level, self.full_path
        anywhere = self.level is Level.INSTANCE
        flags = (one for one in self.variables.flags if one.level == level and (anywhere or one.owner == path))
        object.__setattr__(self, "own", tuple(flags))

    @property
    def place(self) -> str:
        """What resources of this place begin with: `project/123`, `group/acme/tools`, `instance`."""
        match self.level:
            case Level.PROJECT:
                return f"project/{self.project_id}"
            case Level.GROUP:
                return f"group/{self.full_path}"
            case Level.INSTANCE:
                return "instance"

    def resource(self, flags: VariableFlags) -> str:
        """A variable's resource, wherever it is kept."""
        match flags.level:
            case Level.PROJECT:
                return f"project/{self.project_id}/variables/{flags.key}"
            case Level.GROUP:
                return f"group/{flags.owner}/variables/{flags.key}"
            case Level.INSTANCE:
                return f"instance/variables/{flags.key}"


Wish = Callable[[ProjectFacts], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Which facts a sweep gathers beyond variables, decided for each project by what is known of it so far: first
    whether to read its CI file, then (with that read) whether to merge its includes and whether to ask who may do what.
    """

    ci: Wish
    merged: Wish
    access: Wish
    files: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a sweep covers: whole groups by full path, what a path or project id names, or `everything`.

    With `membership`, everything is what the token's user is a member of. `keep` has the last word on a project; it is
    asked with its path, topics and whether it is archived.
    """

    groups: tuple[str, ...] = ()
    projects: tuple[str | int, ...] = ()
    everything: bool = False
    membership: bool = True
    keep: Wish = lambda _: True
