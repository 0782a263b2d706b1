"""What the loop knows and wants: the frozen values that `judge` and `plan` are functions of.

A fact is `None` until somebody looked. Looking is lazy: a gate or target that lacks a fact names the `Look` it needs,
so a release that is blocked by its variables never asks for its artifacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from bot.domain.anatomy import Differences
from bot.domain.ci_plan import PlannedPipeline
from bot.domain.commits import CommitForms
from bot.domain.consents import Approval, Approver, Author, Hold
from bot.domain.distributions import Distribution, IndexFile
from bot.domain.freezes import Freeze
from bot.domain.gitlab import Changes, GitLabRelease, Issue, Job, Note, Pipeline, Variables
from bot.domain.policy import HygienePolicy, IndexSpec, ReleaseRule, Source
from bot.domain.refs import Head, Project
from bot.domain.releases import PUBLIC, Acceptance, Attempt, AttemptOutcome, Receipt, ReleaseId
from bot.domain.report import IndexPage
from bot.domain.tightening import OwnPolicy
from bot.domain.verdicts import GateResult
from bot.ports.index import Gathered, IndexPlace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """We looked, and this is what stands there (None inside: nothing does)."""

    value: T


@dataclass(frozen=True, slots=True)
class Unreadable:
    """We tried to look and may not or cannot; `reason` is a sentence, `status` the HTTP status if there was one."""

    reason: str
    status: int | None = None


class LookKind(StrEnum):
    """What can be looked at."""

    REF = "ref"
    VARIABLES = "variables"
    PIPELINE = "pipeline"
    CI_FILE = "ci_file"
    SOURCE = "source"
    FILES = "files"
    NAMES = "names"
    INDEX = "index"
    CHANGES = "changes"
    CHANGELOG_FILE = "changelog_file"
    CHANGELOG = "changelog"
    RELEASE = "release"
    MILESTONES = "milestones"
    NOTES = "notes"
    HOLD = "hold"
    REACH = "reach"
    APPROVALS = "approvals"
    FREEZES = "freezes"
    DIFFERENCES = "differences"
    CLOSED_ISSUES = "closed_issues"
    ISSUE_NOTES = "issue_notes"
    ISSUES = "issues"


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at: an index by its name in the policy, notes and closed issues by the merge request's iid,
    notes of an issue by its own."""

    kind: LookKind
    index: str = ""
    iid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFacts:
    """The pipeline that belongs to the release, with its jobs (none while it runs)."""

    pipeline: Pipeline
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangelogFile:
    """The changelog in the repository: whether there is one, and its section about the release's version.

    Where no version is known that is what is not released yet; `what` says in words what the section is.
    """

    there: bool
    section: str | None = None
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFacts:
    """Who may publish the distributions' name.

    `declared` is the name in the project's own metadata at the released commit (None: not declared statically),
    `owner` the id of the project that this organisation recorded for the name (None: nobody published it yet), and
    `owner_path` its full path as far as it is known (looked up for another's name alone);
    `claimed` says that this turn recorded it. `name` is the name itself; `version` the one that `stated_in`, a file of
    the project, states (None: none does).
    """

    declared: str | None
    owner: int | None
    name: str = ""
    version: str | None = None
    stated_in: str = ""
    claimed: bool = False
    owner_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The source that `auto` came to, and why."""

    source: Source
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """Who approved, each with what GitLab says of them now; and who made what is released (not asked without any)."""

    given: tuple[tuple[Approval, Approver], ...] = ()
    authors: tuple[Author, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """What one index lists under the distributions' name. `at` is when the look began, by our clock."""

    place: IndexPlace
    page: IndexPage
    files: tuple[IndexFile, ...]
    at: datetime

    def lists(self, file: Distribution) -> IndexFile | None:
        """The index's entry for that file with those very bytes, or None."""
        return next((f for f in self.files if f.filename == file.filename and f.sha256 == file.sha256), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The wanted state of one release: what it is pinned to and what policy says, all read before the turn began.

    `asked` is when the release was last asked for, by its ref change or a person's `resume`: patience counts from it.
    `waiting_for` names the gate that made it wait, if nothing but time has passed since; `heard` is whether hooks of
    its pipeline reach us. `spared` says that the project's own file was not asked for anew, which does only as long as
    the release waits on. `previous` is the commit that
    was published last from the same branch, as far as we have a record of it; None for a tag. `freezes` are those that
    speak of the project. `accepted` is what people accepted of what this release changes. `tags` are those of the
    wheels that can be installed here. `source` is what the release was begun with or policy asks for, `auto` while
    nobody has decided; `may_build` whether it may be `build`. `own_policy` is the project's own file, which has
    tightened `rule`, `hygiene` and `freezes` already.
    """

    id: ReleaseId
    project: Project
    rule: ReleaseRule
    indexes: tuple[IndexSpec, ...]
    hygiene: HygienePolicy
    asked: datetime
    waiting_for: str | None = None
    spared: bool = False
    heard: bool = False
    previous: str | None = None
    freezes: tuple[Freeze, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    tags: frozenset[str] = frozenset()
    source: Source = Source.ARTIFACTS
    may_build: bool = False
    own_policy: OwnPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was observed so far. `now` is our clock, UTC; `ref_fresh` says that nothing was looked at or
    written after the ref was read, and with it whether somebody holds the release. `reach` is the protected branch that
    contains the commit, None inside for none. `said` is what the gates said when the last turn ended."""

    now: datetime
    ref: Seen[Head | None] | None = None
    ref_fresh: bool = False
    variables: Seen[Variables] | Unreadable | None = None
    pipeline: Seen[PipelineFacts | None] | None = None
    planned: Seen[PlannedPipeline | None] | Unreadable | None = None
    source: Choice | None = None
    files: Seen[Gathered] | None = None
    names: Seen[NameFacts] | None = None
    indexes: Mapping[str, Seen[IndexFacts] | Unreadable] = field(default_factory=lambda: MappingProxyType({}))
    differences: Seen[Differences] | None = None
    changes: Seen[Changes] | Unreadable | None = None
    forms: CommitForms | None = None
    changelog_file: Seen[ChangelogFile] | Unreadable | None = None
    changelog: Seen[str] | Unreadable | None = None
    release: Seen[GitLabRelease | None] | Unreadable | None = None
    milestones: Seen[tuple[str, ...]] | Unreadable | None = None
    issues: Seen[tuple[Issue, ...]] | Unreadable | None = None
    closed: Mapping[int, Seen[tuple[Issue, ...]] | Unreadable] = field(default_factory=lambda: MappingProxyType({}))
    issue_notes: Mapping[int, Seen[tuple[Note, ...]] | Unreadable] = field(default_factory=lambda: MappingProxyType({}))
    notes: Mapping[int, Seen[tuple[Note, ...]] | Unreadable] = field(default_factory=lambda: MappingProxyType({}))
    attempts: tuple[Attempt, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    hold: Seen[Hold | None] | None = None
    reach: Seen[str | None] | Unreadable | None = None
    approvals: Seen[ApprovalFacts] | Unreadable | None = None
    freezes: Seen[tuple[Freeze, ...]] | Unreadable | None = None
    said: tuple[GateResult, ...] = ()

    def tries(self, target: str, item: str = "-") -> tuple[Attempt, ...]:
        """The attempts at one effect, oldest first."""
        return tuple(a for a in self.attempts if a.target == target and a.item == item)

    def wrote(self, target: str, item: str = "-") -> bool:
        """Whether we may have had that effect: it was tried, and not merely put off."""
        return any(a.outcome is not AttemptOutcome.PUT_OFF for a in self.tries(target, item))

    @property
    def bare(self) -> bool:
        """Whether the pipeline kept no distributions for us: only the indexes can tell what it uploads."""
        return self.files is not None and not self.files.value.files and not self.files.value.problems

    @property
    def unusable(self) -> bool:
        """Whether the pipeline's artifacts cannot be released and no job that runs again can change that."""
        return self.files is not None and bool(self.files.value.problems) and not self.files.value.again

    @property
    def public(self) -> bool:
        """Whether something of this release stands in public: a file on an index or a GitLab Release of ours."""
        sent = (a for a in self.attempts if a.target.startswith("index:"))
        return any(r.kind in PUBLIC for r in self.receipts) or any(a.outcome is AttemptOutcome.ACCEPTED for a in sent)
