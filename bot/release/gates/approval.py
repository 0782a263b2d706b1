"""Somebody other than those who made it says yes to this very commit, where policy asks for it."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.consents import Approval, Approver
from bot.domain.refs import Target
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.approving import asked, author_of_shipped, refusal, role_word
from bot.release.facts import ApprovalFacts, Facts, Look, LookKind, Seen, Unreadable, Wanted

NAME = "approval"
# An approval wakes the release; this only bounds what a missed wake-up would cost. Without any it asks nobody.
LOOK_AGAIN = timedelta(minutes=15)


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass once enough people approved who still may: their roles, and who made what is released, are read anew.

    What was begun with their yes is finished, whatever becomes of them.
    """
    rule = wanted.rule.approval
    if rule is None:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="policy asks for no approval")
    if facts.approvals is None:
        return Look(LookKind.APPROVALS)
    if isinstance(facts.approvals, Unreadable):
        return _unknown(f"cannot tell who approved: {facts.approvals.reason}")
    seen = facts.approvals.value
    if seen.given and rule.all_authors and facts.changes is None:
        return Look(LookKind.CHANGES)
    if seen.given and rule.all_authors and isinstance(facts.changes, Unreadable):
        return _unknown(f"cannot tell whose changes these are: {facts.changes.reason}")
    said = [(approval, approver, _objection(wanted, facts, seen, approver)) for approval, approver in seen.given]
    good = [_named(approval, approver) for approval, approver, objection in said if not objection]
    bad = [f"{approver.username}'s does not count: {objection}" for _, approver, objection in said if objection]
    if len(good) >= rule.count:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"approved by {', '.join(good)}")
    if facts.public:
        return GateResult(
            name=NAME, verdict=Verdict.PASS, reason="; ".join(("begun before: it is finished", *good, *bad))
        )
    have = f"approved by {', '.join(good)}; " if good else ""
    target = Target(wanted.project.full_path, wanted.id.ref).typed
    reason = (
        f"{have}{rule.count - len(good)} of {rule.count} approvals missing, by {asked(rule)}: "
        f"`ropewalk release approve {target}` with one's own GITLAB_TOKEN"
    )
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason="; ".join((reason, *bad)),
        consequence=Consequence.WAIT,
        look_again=LOOK_AGAIN,
    )


def _objection(wanted: Wanted, facts: Facts, seen: ApprovalFacts, approver: Approver) -> str | None:
    rule = wanted.rule.approval
    assert rule is not None, "asked only where there is a rule"
    shipped = facts.changes.value if isinstance(facts.changes, Seen) else None
    return refusal(rule, approver, (*seen.authors, *author_of_shipped(rule, shipped)))


def _named(approval: Approval, approver: Approver) -> str:
    return f"{approver.username} ({role_word(approver.level)}) at {approval.at:%Y-%m-%d %H:%M} UTC"


def _unknown(reason: str) -> GateResult:
    return GateResult(
        name=NAME,
        verdict=Verdict.UNKNOWN,
        reason=f"{reason}; resume once that is mended",
        consequence=Consequence.BLOCK,
    )
