"""A release is pinned to one commit: a ref that was moved off it or vanished is another release, or none."""

from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "tag_unmoved"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if the tag still points at the commit this release was asked for, or the branch contains it."""
    if facts.ref is None:
        return Look(LookKind.REF)
    head = facts.ref.value
    kind, ref, sha = wanted.id.kind.value, wanted.id.ref, wanted.id.sha
    branch = wanted.id.kind is RefKind.BRANCH
    if head is None:
        reason = f"{kind} {ref} was deleted; push it again to release {sha[:8]}"
    elif not head.holds and branch:
        reason = f"branch {ref} was rewritten to {head.sha[:8]} and does not contain {sha[:8]} any more"
    elif not head.holds:
        reason = f"tag {ref} was moved from {sha[:8]} to {head.sha[:8]}; the new commit is a release of its own"
    else:
        reason = f"branch {ref} contains {sha[:8]}" if branch else f"tag {ref} is at {sha[:8]}"
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.WITHDRAW)
