"""Groups and projects: where everything else lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.sandbox.answers import Answer
from bot.sandbox.ci import model as ci
from bot.sandbox.git.repository import Repository
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.settings import Hook, ProjectSettings, ProtectedBranch, ProtectedTag, Variable, ref_matches
from bot.sandbox.world.starts import FreezePeriod, Schedule, Trigger
from bot.sandbox.world.work import Event, Issue, MergeRequest, Milestone, Package, Release

ACTIVITY_INTERVAL = timedelta(hours=1)
"""`last_activity_at` moves at most this often. Source: app/models/event.rb RESET_PROJECT_ACTIVITY_INTERVAL."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A group whose members, inherited ones too, are members of the place that invited it, at `most` at that level."""

    group: Group
    most: Level

    def level(self, user_id: int) -> Level:
        """The level that it gives somebody."""
        there = max((one.members.get(user_id, Level.NONE) for one in self.group.lineage()), default=Level.NONE)
        return min(there, self.most)


@dataclass(slots=True, kw_only=True, eq=False)
class Group:
    """A namespace; nests through `parent`."""

    id: int
    path: str
    full_path: str
    created_at: datetime
    parent: Group | None = None
    name: str = ""
    description: str = ""
    visibility: str = "private"
    members: dict[int, Level] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    children: list[Group] = field(default_factory=list)
    forwards_pypi: bool = True
    hooks: dict[int, Hook] = field(default_factory=dict)
    invited: dict[int, Invitation] = field(default_factory=dict)

    def lineage(self) -> Iterator[Group]:
        """This group, then its ancestors, nearest first."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent

    def tree(self) -> Iterator[Group]:
        """This group, then all groups below it."""
        yield self
        for child in list(self.children):
            yield from child.tree()


@dataclass(slots=True, kw_only=True, eq=False)
class Project:
    """A project. It is what the pipelines package calls a `CiProject`."""

    id: int
    path: str
    namespace: Group
    created_at: datetime
    last_activity_at: datetime
    git: Repository
    instance_variables: list[Variable]
    visibility: str = "private"
    name: str = ""
    description: str = ""
    default_branch: str = "main"
    archived: bool = False
    creator: User | None = None
    topics: list[str] = field(default_factory=list)
    members: dict[int, Level] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    protected_branches: list[ProtectedBranch] = field(default_factory=list)
    protected_tags: list[ProtectedTag] = field(default_factory=list)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    invited: dict[int, Invitation] = field(default_factory=dict)
    packages: dict[int, Package] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    pipeline_variables_role: str = "maintainer"
    issues: dict[int, Issue] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    schedules: dict[int, Schedule] = field(default_factory=dict)
    triggers: dict[int, Trigger] = field(default_factory=dict)
    freeze_periods: dict[int, FreezePeriod] = field(default_factory=dict)
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    branch_lists: dict[object, tuple[datetime, Answer]] = field(default_factory=dict, repr=False)
    """Lists of branches as they were answered, by question, and when."""

    @property
    def full_path(self) -> str:
        """Namespace and path, as in URLs."""
        return f"{self.namespace.full_path}/{self.path}"

    @property
    def ci_config_path(self) -> str:
        """Where the CI configuration is. Source: `ci_config_path_or_default` of app/models/project.rb."""
        return self.settings.ci_config_path or ".gitlab-ci.yml"

    @property
    def repository(self) -> Path:
        """The bare repository; it is written to disk when first asked for."""
        return self.git.materialise()

    def protects(self, ref: str, *, tag: bool) -> bool:
        """Whether a protection rule covers the short name `ref`."""
        rules: list[ProtectedTag] | list[ProtectedBranch] = self.protected_tags if tag else self.protected_branches
        return any(ref_matches(rule.name, ref) for rule in rules)

    def ci_variables(self) -> list[ci.CiVariable]:
        """Every variable that could reach a job here: instance, groups from the root (depth 0), project."""

        def rows(variables: list[Variable], level: ci.Level, depth: int) -> Iterator[ci.CiVariable]:
            for one in list(variables):
                yield ci.CiVariable(
                    key=one.key,
                    value=one.value,
                    level=level,
                    depth=depth,
                    protected=one.protected,
                    masked=one.masked,
                    hidden=one.hidden,
                    raw=one.raw,
                    file=one.variable_type == "file",
                    environment_scope=one.environment_scope,
                )

        found = list(rows(self.instance_variables, "instance", 0))
        groups = list(self.namespace.lineage())
        for depth, group in enumerate(reversed(groups)):
            found.extend(rows(group.variables, "group", depth))
        found.extend(rows(self.variables, "project", 0))
        return found

    def record(self, event: Event) -> None:
        """Keep `event`; move `last_activity_at` only when the last move is an hour old."""
        self.events.append(event)
        if event.created_at - self.last_activity_at >= ACTIVITY_INTERVAL:
            self.last_activity_at = event.created_at
