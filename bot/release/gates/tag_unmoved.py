"""A release is pinned to one commit: a tag that moved or vanished is another release, or none."""

from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "tag_unmoved"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if the tag still points at the commit this release was asked for."""
    if facts.tag is None:
        return Look(LookKind.TAG)
    tag = facts.tag.value
    ref, sha = wanted.id.ref, wanted.id.sha
    if tag is None:
        reason = f"tag {ref} was deleted; push it again to release {sha[:8]}"
    elif tag.sha != sha:
        reason = f"tag {ref} was moved from {sha[:8]} to {tag.sha[:8]}; the new commit is a release of its own"
    else:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"tag {ref} is at {sha[:8]}")
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.WITHDRAW)
