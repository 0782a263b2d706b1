"""The project's one issue about releases that stopped: opened by the first, closed by the run that leaves none.

Reporting never changes the publishing verdict.
"""

from __future__ import annotations

from bot.domain.gitlab import handed_back
from bot.domain.releases import STOPPED, TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.ports.texts import Texts
from bot.release.actions import Action, ChangeIssue, OpenIssue
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment

NAME = "issue"


def assess(wanted: Wanted, facts: Facts, texts: Texts, report: ReleaseReport) -> Assessment | Look:
    """Open or reopen it and bring it up to date while a release stands still; close it once none does."""
    if facts.issues is None:
        return Look(LookKind.ISSUES)
    if isinstance(facts.issues, Unreadable):
        return Assessment(status=_status(facts, TargetState.FAILED, facts.issues.reason))
    actions = _missing(texts, report, facts)
    if not actions:
        return Assessment(status=_status(facts, TargetState.DONE, ""))
    action = actions[0]
    step = next_try(facts.tries(NAME, action.item), asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp):
        return Assessment(status=_status(facts, TargetState.FAILED, step.reason))
    if isinstance(step, Later):
        return Assessment(status=_status(facts, TargetState.PENDING, step.reason), again=step.delay)
    return Assessment(status=_status(facts, TargetState.PENDING, f"to do: {action.words}"), actions=actions)


def _missing(texts: Texts, report: ReleaseReport, facts: Facts) -> tuple[Action, ...]:
    assert facts.issues is not None
    assert not isinstance(facts.issues, Unreadable)
    ours = texts.own_issues(facts.issues.value, report)
    stopped = report.state in STOPPED
    if not ours:
        if not stopped:
            return ()
        title, labels = texts.failure_title(report), report.notes.failure_labels
        return (OpenIssue(title=title, description=texts.failure(report, None, stopped=True).text, labels=labels),)
    oldest = ours[0]
    wanted = texts.failure(report, oldest.description, stopped=stopped)
    changes = handed_back(wanted.text) != handed_back(oldest.description)
    actions: list[Action] = []
    event = wanted.open if wanted.open != oldest.open else None
    if changes or event is not None:
        actions.append(ChangeIssue(iid=oldest.iid, description=wanted.text, opened=event))
    for surplus in ours[1:]:  # a second one folds into the oldest
        if surplus.open:
            actions.append(ChangeIssue(iid=surplus.iid, description=surplus.description, opened=False))
    return tuple(actions)


def _status(facts: Facts, state: TargetState, reason: str) -> TargetStatus:
    attempts = sum(attempt.target == NAME for attempt in facts.attempts)
    return TargetStatus(name=NAME, state=state, reason=reason, attempts=attempts)
