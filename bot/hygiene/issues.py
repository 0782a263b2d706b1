"""Rolling issues: which there must be after an audit, and the steps from what there is to that.

Look, then act: a step is planned from the issues that GitLab lists, so one whose answer was lost is found again and
none is opened twice. What was opened twice all the same, by two at once, is folded into the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.findings import AuditReport, Finding, PlaceReport
from bot.domain.gitlab import handed_back
from bot.domain.rolling import IssueMode, IssueNews, IssuePlace, IssuePolicy, NewsState, RollingIssue
from bot.hygiene.history import place_of
from bot.ports.rolling import IssueEvent, IssueTexts, RollingIssues

INSTANCE = "instance"


_TOO_MANY = 429


class Deed(StrEnum):
    """What may be done about an issue."""

    OPEN = "open"
    EDIT = "edit"
    REOPEN = "reopen"
    CLOSE = "close"
    FOLD = "fold"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueStep:
    """One change. `issue` is None where one is to be opened; `failed` says why it could not be made."""

    deed: Deed
    place: IssuePlace
    title: str
    body: str
    findings: int
    issue: RollingIssue | None = None
    failed: str = ""


GroupOf = Callable[[str], str]
"""A full path of a project or group -> the group whose issue speaks of it."""


def place_reports(
    report: AuditReport, places: Collection[str], policy: IssuePolicy, group_of: GroupOf
) -> tuple[PlaceReport, ...]:
    """What an audit says of each place that has something to be said, in the order of their keys."""
    parts: dict[str, _Part] = {}
    for kind, findings in (("findings", report.findings), ("unknown", report.unknown), ("waived", report.waived)):
        for one in findings:
            place = _kept_at(one, places, policy, group_of)
            if place is not None and one.severity >= policy.least:
                part = parts.setdefault(place.key, _Part(place, {}))
                part.findings.setdefault(kind, []).append(one)
    return tuple(parts[key].report() for key in sorted(parts))


@dataclass(frozen=True, slots=True)
class _Part:
    place: IssuePlace
    findings: dict[str, list[Finding]]

    def report(self) -> PlaceReport:
        return PlaceReport(
            place=self.place,
            findings=tuple(self.findings.get("findings", ())),
            unknown=tuple(self.findings.get("unknown", ())),
            waived=len(self.findings.get("waived", ())),
        )


def _kept_at(one: Finding, places: Collection[str], policy: IssuePolicy, group_of: GroupOf) -> IssuePlace | None:
    """Where an issue speaks of a finding; None if none does."""
    where = place_of(one.resource, places) or INSTANCE
    if policy.mode is IssueMode.NONE:
        return None
    if policy.mode is IssueMode.PROJECT and where.startswith("project/"):
        return IssuePlace(key=where, path=one.project, project=int(where.removeprefix("project/")))
    if policy.project is None:
        return None
    central = "/" in policy.project
    path = one.project if where.startswith("project/") else where.removeprefix("group/")
    if where == INSTANCE:
        return IssuePlace(key=INSTANCE, path="", project=policy.project) if central else None
    group = group_of(path)
    project = policy.project if central else f"{group}/{policy.project}"
    return IssuePlace(key=f"group/{group}", path=group, project=project)


def kept_places(places: Collection[str], group_of: GroupOf) -> frozenset[str]:
    """The keys under which issues about audited places are kept: those of the places and of the groups they are in."""
    groups = {f"group/{group_of(one.removeprefix('group/'))}" for one in places if one.startswith("group/")}
    return frozenset({*places, *groups})


def plan_issues(
    reports: Sequence[PlaceReport], places: Collection[str], ours: Iterable[RollingIssue], texts: IssueTexts
) -> tuple[IssueStep, ...]:
    """What is to be done. `places` were audited: one without a report is clean."""
    by_key = {report.place.key: report for report in reports}
    found = texts.of_places({*places, *by_key}, ours)
    steps: list[IssueStep] = []
    for key in sorted({*by_key, *found}):
        issues = found.get(key, ())
        report = by_key.get(key) or _clean(key, issues[0])
        steps += _steps(report, issues, texts)
    return tuple(steps)


def _clean(key: str, issue: RollingIssue) -> PlaceReport:
    path = key.partition("/")[2] if key.startswith("group/") else ""
    return PlaceReport(place=IssuePlace(key=key, path=path, project=issue.project_id), findings=())


def _steps(report: PlaceReport, issues: Sequence[RollingIssue], texts: IssueTexts) -> Iterator[IssueStep]:
    body = texts.body(report)

    def step(deed: Deed, issue: RollingIssue | None = None, text: str = body) -> IssueStep:
        title = texts.title(report)
        return IssueStep(
            deed=deed, place=report.place, title=title, body=text, findings=len(report.findings), issue=issue
        )

    for surplus in issues[1:]:
        if surplus.open:
            yield step(Deed.FOLD, surplus, texts.folded(report, issues[0]))
    if not issues:
        if report.findings:
            yield step(Deed.OPEN)
        return
    oldest = issues[0]
    if report.findings and not oldest.open:
        yield step(Deed.REOPEN, oldest)
    elif not report.findings and not report.unknown:
        if oldest.open:
            yield step(Deed.CLOSE, oldest)
    elif oldest.open and handed_back(oldest.description) != handed_back(body):
        yield step(Deed.EDIT, oldest)


def do_step(port: RollingIssues, step: IssueStep, *, confidential: bool) -> None:
    """Make one change. Raises: TransientError, RefusedError, CredentialsError."""
    if step.issue is None:
        port.create(step.place, title=step.title, description=step.body, confidential=confidential)
        return
    events = {Deed.REOPEN: IssueEvent.REOPEN, Deed.CLOSE: IssueEvent.CLOSE, Deed.FOLD: IssueEvent.CLOSE}
    port.update(step.issue, step.body, events.get(step.deed))


def come_about(failed: Iterable[IssueStep], later: Kept) -> tuple[IssueStep, ...]:
    """Of the steps that failed in a round, those that a later one finds made: only the answer was lost."""
    left = {(step.place.key, step.deed) for step in (*later.done, *later.failed)}
    return tuple(replace(step, failed="") for step in failed if (step.place.key, step.deed) not in left)


def news(step: IssueStep, state: NewsState) -> IssueNews:
    """A step, for people."""
    return IssueNews(
        deed=step.deed.value,
        place=step.place,
        findings=step.findings,
        state=state,
        web_url="" if step.issue is None else step.issue.web_url,
        reason=step.failed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a round: the steps made, and those that failed, with why. `again` if another round may help;
    `busy` if GitLab asked for time before it.
    """

    done: tuple[IssueStep, ...]
    failed: tuple[IssueStep, ...]
    again: bool
    busy: bool = False


def keep_issues(
    port: RollingIssues,
    plan: Callable[[Iterable[RollingIssue]], Sequence[IssueStep]],
    *,
    confidential: bool,
    stopping: Callable[[], bool],
) -> Kept:
    """One round: look, do what is missing, and look again for what two may have opened at once.

    A project that refuses its issue (issues are disabled there, our role is too small) does not hold up the others.
    Raises: CredentialsError for a token that is refused, TransientError if GitLab cannot even be looked at.
    """
    done: list[IssueStep] = []
    failed: list[IssueStep] = []
    again = busy = False
    for step in plan(port.ours()):
        if stopping():
            return Kept(done=tuple(done), failed=tuple(failed), again=True)
        try:
            do_step(port, step, confidential=confidential)
        except (TransientError, RefusedError) as error:
            if isinstance(error, CredentialsError) and error.status == 401:
                raise
            again = again or isinstance(error, TransientError)
            busy = busy or asks_for_time(error)
            failed.append(replace(step, failed=str(error)))
        else:
            done.append(step)
    if any(step.deed is Deed.OPEN for step in done):
        for step in plan(port.ours()):
            if step.deed is Deed.FOLD:
                do_step(port, step, confidential=confidential)
                done.append(step)
    return Kept(done=tuple(done), failed=tuple(failed), again=again, busy=busy)


def asks_for_time(error: Exception) -> bool:
    """Whether GitLab asked not to be asked again at once."""
    return isinstance(error, TransientError) and (error.retry_after is not None or error.status == _TOO_MANY)
