"""What is released was merged: the tag's commit is on a protected branch, so nobody tags what nobody reviewed."""

from __future__ import annotations

from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted

NAME = "tag_reachable"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if a protected branch contains the commit. A branch release is about the branch itself (`ref_protected`)."""
    ref, sha = wanted.id.ref, wanted.id.sha[:8]
    if wanted.id.kind is RefKind.BRANCH:
        return _result(Verdict.NOT_APPLICABLE, "a branch is released as it is")
    if not wanted.rule.reachable:
        return _result(Verdict.WAIVED, "policy releases tags from anywhere (tag_reachable: false)")
    if facts.reach is None:
        return Look(LookKind.REACH)
    if isinstance(facts.reach, Unreadable):
        why = f"cannot tell whether a protected branch contains {sha}: {facts.reach.reason}; resume once that is mended"
        return _result(Verdict.UNKNOWN, why, Consequence.BLOCK)
    if facts.reach.value is not None:
        return _result(Verdict.PASS, f"protected branch {facts.reach.value} contains {sha}")
    branch = wanted.project.default_branch
    into = f"merge it into {branch}" if branch else "merge it into a protected branch"
    return _result(
        Verdict.FAIL,
        f"no protected branch contains {sha}, the commit of tag {ref}: {into}, or protect the branch that it is on "
        "(Settings > Repository > Protected branches), then resume",
        Consequence.BLOCK,
    )


def _result(verdict: Verdict, reason: str, consequence: Consequence = Consequence.NONE) -> GateResult:
    return GateResult(name=NAME, verdict=verdict, reason=reason, consequence=consequence)
