"""What the dashboard shows of the state: rows, filters, and where one page ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bot.domain.consents import Approval, Hold
from bot.domain.distributions import Distribution
from bot.domain.ledger import Entry
from bot.domain.readings import DaemonReading
from bot.domain.refs import ChangeSource, RefAction, RefKind
from bot.domain.releases import Acceptance, Attempt, Receipt, Release, ReleaseState, TargetStatus
from bot.domain.replicas import Replica
from bot.domain.tokens import Expiries
from bot.domain.verdicts import Severity

RECENT_CHANGES = 200
_PROJECT_RESOURCE = re.compile(r"project/([0-9]{1,18})(?:/|#|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """A release in a list: what fits a line. See `Release` for the fields; `targets` only where they were asked for."""

    key: str
    project_id: int
    project: str
    kind: RefKind
    ref: str
    sha: str
    state: ReleaseState
    version: str | None
    next: str | None
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    targets: tuple[TargetStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFilter:
    """Which releases. No state means all; `text` is looked for in path, ref, version and the beginning of the commit.

    With `targets` the rows tell of them. `among` are the projects it may be about, None for all. `unapproved` is about
    those that wait for somebody's approval: True takes them in besides `states`, False leaves them out.
    """

    states: tuple[ReleaseState, ...] = ()
    unapproved: bool | None = None
    project_id: int | None = None
    text: str = ""
    targets: bool = False
    among: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlace:
    """The last release of a page; the next one begins after it."""

    at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCounts:
    """How many releases are in each state; `unapproved` of those that wait do so for somebody's approval."""

    states: Mapping[ReleaseState, int] = field(default_factory=dict)
    unapproved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The ref change that a release came from: what happened to the ref, who told us, and when (UTC)."""

    action: RefAction
    source: ChangeSource
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStory:
    """All that is on record of one release. `began` is None where a person asked for it before anything was seen."""

    release: Release
    began: Beginning | None = None
    attempts: tuple[Attempt, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    files: tuple[Distribution, ...] = ()
    entries: tuple[Entry, ...] = ()
    approvals: tuple[Approval, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()
    hold: Hold | None = None


class FindingState(StrEnum):
    """Whether a finding still stands, as far as anybody looked."""

    OPEN = "open"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding as the history keeps it. See `Finding` for the fields; `reason` is None where none was kept yet."""

    identity: str
    rule: str
    severity: Severity
    project: str
    resource: str
    scope: str
    first_seen: datetime
    last_seen: datetime
    fixed_at: datetime | None
    reason: str | None = None

    @property
    def project_id(self) -> int | None:
        """The project it is about; None for a group's or the instance's."""
        found = _PROJECT_RESOURCE.match(self.resource)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """Which findings. No severity means all; `project` is a full path.

    `text` is looked for in path, resource and reason. `among` are the projects it may be about, None for all; what is
    about a group or the instance is never left out.
    """

    severities: tuple[Severity, ...] = ()
    rule: str = ""
    project: str = ""
    text: str = ""
    state: FindingState | None = FindingState.OPEN
    among: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPlace:
    """The last finding of a page; the next one begins after it."""

    severity: Severity
    first_seen: datetime
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many findings stand, by severity, and how many were first seen and were fixed on each day."""

    standing: Mapping[Severity, int]
    seen: Mapping[date, int]
    fixed: Mapping[date, int]


class Attention(StrEnum):
    """Which projects: those that lack something."""

    STUCK = "stuck"
    BLOCKED = "blocked"
    FINDINGS = "findings"
    EXPIRING = "expiring"
    UNSHIPPED = "unshipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFilter:
    """Which watched projects; `text` is looked for in the path. `among` are those it may be, None for all.

    `ends_by` is the day by which a token of an expiring one ends, or has ended.
    """

    text: str = ""
    attention: Attention | None = None
    ends_by: date | None = None
    among: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A watched project. `compared_at` is when its refs were looked at last, None for not yet."""

    id: int
    full_path: str
    web_url: str
    default_branch: str | None
    enrolled_at: datetime
    compared_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTally:
    """What is on record of one project.

    `unknown` counts releases not at their end of which a gate could not be looked at; `findings` those that stand;
    `expiring` is whether one of them is about a token that ends soon, or never; `tokens` is when its own tokens end.
    """

    shipped: ReleaseRow | None = None
    states: Mapping[ReleaseState, int] = field(default_factory=dict)
    unknown: int = 0
    findings: Mapping[Severity, int] = field(default_factory=dict)
    expiring: bool = False
    tokens: Expiries = field(default_factory=Expiries)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookView:
    """What is known of the webhooks: places with one of ours, and the oldest look at one of them.

    `heard` says of the last ref changes (at most `RECENT_CHANGES`) who told us of them, `last` when a hook did last.
    """

    places: int
    oldest_look: datetime | None
    heard: Mapping[ChangeSource, int]
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotView:
    """What the bot does. `polled_at` is the poll's cursor; `unseen` of the watched `projects` await a first look."""

    daemon: DaemonReading | None
    replicas: tuple[Replica, ...]
    hooks: HookView
    polled_at: datetime | None
    projects: int
    unseen: int
    due: int
