"""Rolling issues: one for each project or group, about what its audits found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.verdicts import Severity


class IssueMode(StrEnum):
    """For what the audit keeps an issue each."""

    NONE = "none"
    PROJECT = "project"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePolicy:
    """Which issues the audit keeps.

    `project` is the full path of the project that holds the issues about groups, or the name of one that each group
    has for that; None where only projects have issues, in themselves. Findings below `least` are left to the report.
    """

    mode: IssueMode = IssueMode.NONE
    project: str | None = None
    confidential: bool = True
    least: Severity = Severity.LOW


NO_ISSUES = IssuePolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingIssue:
    """An issue that our user opened."""

    project_id: int
    iid: int
    id: int
    description: str
    open: bool
    web_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePlace:
    """What a rolling issue is about. `key` never changes while the place exists: `project/123`, `group/acme/tools`,
    `instance`. `path` names it to people (empty for the instance), `project` holds the issue: an id or a full path.
    """

    key: str
    path: str
    project: int | str


class NewsState(StrEnum):
    """What became of a change."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNews:
    """A change of an issue, for people: `deed` is a verb (`open`, `edit`, `reopen`, `close`, `fold`)."""

    deed: str
    place: IssuePlace
    findings: int
    state: NewsState
    web_url: str = ""
    reason: str = ""
