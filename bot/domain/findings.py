"""Findings: what an audit says of one resource, always with its reason, and the report they make up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bot.domain.rolling import IssueNews, IssuePlace
from bot.domain.verdicts import Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """One audit rule, in the words the user reads.

    `id` is `RW` and three digits and never changes; `title` names what is wrong ("publishing credential not masked");
    `threat` says what somebody can do with it, `remedy` what to do about it, each in one or two sentences. `page` is
    the https address of the documentation that the rule rests on (GitLab's, PyPI's); empty for GitLab's of its subject.
    """

    id: str
    title: str
    severity: Severity
    threat: str
    remedy: str
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Findings that somebody accepts until a date.

    `rule` is an id or a prefix of ids (`RW1`); `project` a pattern of full paths (`**` crosses `/`); `resource` a
    pattern of resources as the audit prints them (`*` matches anything), None for every resource. `expires` is the last
    day, UTC, on which the waiver holds. `where` is `FILE:LINE`, for messages.
    """

    rule: str
    project: str
    owner: str
    reason: str
    expires: date
    resource: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says of one resource.

    `verdict` is `fail`, `unknown` (could not look; `remedy` then names the role that could) or `waived`. `project` is a
    full path (a group's, where the resource is a group's; empty for the instance). `resource` is what to mend, such as
    `project/123/variables/TWINE_PASSWORD` or `project/123/.gitlab-ci.yml#deploy`; `scope` the environment scope of a
    variable, else `*`. `line` is the line in the CI file, where there is one. `waiver` is what accepts it, exactly when
    the verdict is `waived`. No text here ever holds a secret's value.
    """

    rule: str
    severity: Severity
    verdict: Verdict
    project: str
    resource: str
    reason: str
    remedy: str
    scope: str = "*"
    line: int | None = None
    first_seen: datetime | None = None
    waiver: Waiver | None = None

    @property
    def identity(self) -> str:
        """What makes it the same finding from run to run: rule, resource and scope, which survive a rename."""
        return f"{self.rule}:{self.resource}:{self.scope}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """One audit. `complete` is False if it was interrupted or a project could not be asked; `seconds` is wall time.

    `findings` failed, `unknown` could not be judged, `waived` failed and are accepted by somebody until a date; each in
    order of gravity, then project, resource and rule. `requests` counts calls to GitLab. `baselined` counts the
    findings left out because a baseline holds them, `filtered` those that a selection by rule or severity left out.
    `issues` are what was done about rolling issues; None where nobody asked for it.
    """

    at: datetime
    complete: bool
    projects: int
    requests: int
    seconds: float
    findings: tuple[Finding, ...]
    unknown: tuple[Finding, ...] = ()
    waived: tuple[Finding, ...] = ()
    baselined: int = 0
    filtered: int = 0
    issues: tuple[IssueNews, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReport:
    """What an audit says of one place, in the report's order. `waived` counts what somebody accepts until a date."""

    place: IssuePlace
    findings: tuple[Finding, ...]
    unknown: tuple[Finding, ...] = ()
    waived: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneChange:
    """What a change of CI files does: findings that appear and that go, gravest first.

    `unreadable` are files that cannot be judged any more, by path, each with why; they were before.
    """

    added: tuple[Finding, ...] = ()
    removed: tuple[Finding, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.added or self.removed or self.unreadable)
