"""What the organisation wants: plain data, made by `settings`, read by everything that judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from bot.domain.anatomy import DifferenceKind
from bot.domain.consents import ApprovalRule
from bot.domain.findings import Waiver
from bot.domain.freezes import Freeze
from bot.domain.layers import NO_LAYERS, PolicyLayers
from bot.domain.notes import DEFAULT_NOTES, NotesPolicy
from bot.domain.refs import RefKind, matches_path, matches_wildcard
from bot.domain.rolling import NO_ISSUES, IssuePolicy
from bot.domain.secrets import Secret
from bot.domain.verdicts import Severity
from bot.domain.versioning import Auto, VersioningPolicy


class Source(StrEnum):
    """How distributions come to be."""

    AUTO = "auto"
    PIPELINE = "pipeline"
    ARTIFACTS = "artifacts"
    BUILD = "build"


class Isolation(StrEnum):
    """How a build from source is kept from everything of ours."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPolicy:
    """How the bot builds from source, if it may. `wheelhouse` is an absolute folder of wheels, the only place where
    builds find what they need; `memory` and `disk` are bytes of one build, `time` is its whole length.
    """

    wheelhouse: Path
    isolation: Isolation = Isolation.BUBBLEWRAP
    time: timedelta = timedelta(minutes=10)
    memory: int = 2 * 1024**3
    disk: int = 2 * 1024**3


class IndexKind(StrEnum):
    """How an index is spoken to."""

    GITLAB = "gitlab"
    PYPI = "pypi"
    TESTPYPI = "testpypi"
    SIMPLE = "simple"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """One place twine uploads to.

    `upload_url` and `simple_url` are set for `IndexKind.SIMPLE` only; for GitLab they follow from the project, for PyPI
    from twine's constants. `username` and `password` are None where the bot's own GitLab token serves (kind gitlab).
    With `attestations` what a job put beside a file to say who made it is sent along. A file that it does not take for
    now is sent again for `retry_for` at least, ever more seldom.
    `called` is how sentences name it and `mend` what a person mends when it refuses the credentials, where no
    configuration speaks of it.
    """

    name: str
    kind: IndexKind
    upload_url: str | None = None
    simple_url: str | None = None
    username: str | None = None
    password: Secret | None = None
    ca_file: str | None = None
    proxy: str | None = None
    attestations: bool = False
    retry_for: timedelta = timedelta()
    called: str | None = None
    mend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFiles:
    """Which files make a release whole: so many wheels, an sdist (or none at all), and one for each wildcard.

    None means that it does not matter.
    """

    wheels: int | None = None
    sdist: bool | None = None
    files: tuple[str, ...] = ()


InputValue: TypeAlias = str | int | bool | tuple[str, ...]
"""What an input of a pipeline may be."""

# GitLab creates a tag's pipeline within seconds; on a loaded server it has been seen to take minutes.
PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePolicy:
    """How far the bot may steer the project's own pipeline (source `pipeline`).

    `job` is a wildcard for the names of the jobs that publish (None: as the CI file says); `start` lets the bot start a
    pipeline, with `inputs`, when the ref has none after `patience`; `play` lets it play a publishing job that waits for
    a person.
    """

    inputs: Mapping[str, InputValue] = field(default_factory=lambda: MappingProxyType({}))
    job: str | None = None
    start: bool = True
    play: bool = False
    patience: timedelta = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """One entry of `releases`. The first that matches (project, ref) rules.

    `names` are patterns of distribution names that matching projects may publish besides the one their own metadata
    declares; without `new_names` a name that no project is recorded for is refused unless it is one of those.
    `package` is the distribution that the rule's tags are about, where a pipeline builds several.
    With `reachable` a tag's commit must be on a protected branch. With `deploy_freezes` GitLab's own freezes of the
    project hold as policy's do. `approval` is who has to approve, None for nobody.
    `hold_on` are the differences to the release before that need a person's yes; `expect` is
    what makes a release whole (None: at least one file). With `install_check` a wheel is installed
    from every index. With `versioning` the bot may make tags itself.
    """

    projects: tuple[str, ...]
    tags: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    source: Source = Source.AUTO
    indexes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pipeline: PipelinePolicy = PipelinePolicy()
    new_names: bool = True
    package: str | None = None
    reachable: bool = True
    deploy_freezes: bool = False
    approval: ApprovalRule | None = None
    hold_on: tuple[DifferenceKind, ...] = ()
    expect: ExpectedFiles | None = None
    install_check: bool = False
    notes: NotesPolicy = DEFAULT_NOTES
    versioning: VersioningPolicy | None = None

    def covers(self, project: str) -> bool:
        """Whether this rule speaks of refs of a project, by its full path."""
        return any(matches_path(pattern, project) for pattern in self.projects)

    def matches(self, project: str, kind: RefKind, ref: str) -> bool:
        """Whether this rule speaks of that ref."""
        patterns = self.tags if kind is RefKind.TAG else self.branches
        return self.covers(project) and any(matches_wildcard(p, ref) for p in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class HygienePolicy:
    """When findings about variables stop a release. `block_at` None means never; `waivers` are in the file's order.

    `audit` is a cron line (UTC) of when everything watched is audited; None for never. `issues` says what that keeps
    issues about, `variables` which names are credentials of publishing besides those that say so, `merge_requests`
    whether those that change CI files are told what that does.
    """

    block_at: Severity | None = Severity.HIGH
    block_unknown: bool = False
    waivers: tuple[Waiver, ...] = ()
    audit: str | None = None
    issues: IssuePolicy = NO_ISSUES
    merge_requests: bool = True
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All the organisation said about releases. Without `build` nothing is ever built from source;
    `layers` tighten the rest.
    """

    releases: tuple[ReleaseRule, ...]
    indexes: tuple[IndexSpec, ...]
    hygiene: HygienePolicy
    freezes: tuple[Freeze, ...] = ()
    build: BuildPolicy | None = None
    layers: PolicyLayers = NO_LAYERS

    def rule_for(self, project: str, kind: RefKind, ref: str) -> ReleaseRule | None:
        """The first rule that matches, or None: then the ref is nobody's release."""
        return next((rule for rule in self.releases if rule.matches(project, kind, ref)), None)

    def tags_of(self, project: str) -> tuple[str, ...]:
        """The tag patterns that release this project; `v*`, which nearly everybody uses, where no rule names any."""
        rules = (rule for rule in self.releases if any(matches_path(pattern, project) for pattern in rule.projects))
        return tuple(dict.fromkeys(tag for rule in rules for tag in rule.tags)) or ("v*",)

    def branch_patterns(self, project: str) -> frozenset[str]:
        """The patterns of branches that are released from a project; empty for most projects."""
        return frozenset(
            pattern
            for rule in self.releases
            if rule.branches and any(matches_path(path, project) for path in rule.projects)
            for pattern in rule.branches
        )

    def tagging(self, project: str) -> ReleaseRule | None:
        """The first rule of a project by which the bot may tag, None if none lets it."""
        return next((rule for rule in self.releases if rule.versioning is not None and rule.covers(project)), None)

    def watched_head(self, project: str, default_branch: str | None) -> str | None:
        """The branch whose new commits the daemon tags or proposes by itself, None for most projects."""
        rule = self.tagging(project)
        if rule is None or rule.versioning is None or rule.versioning.auto is Auto.NONE:
            return None
        return rule.versioning.branch or default_branch

    def indexes_of(self, rule: ReleaseRule) -> tuple[IndexSpec, ...]:
        """The rule's indexes in its order. Settings guarantee that every name is defined."""
        by_name = {spec.name: spec for spec in self.indexes}
        return tuple(by_name[name] for name in rule.indexes)
