"""Only protected refs are released: anybody with push rights could make another."""

from itertools import takewhile

from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "ref_protected"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if GitLab says that the tag is protected.

    Source: GitLab computes `protected` from project and group rules, wildcards included (lib/api/entities/tag.rb).
    """
    if facts.tag is None:
        return Look(LookKind.TAG)
    tag = facts.tag.value
    ref = wanted.id.ref
    if tag is None:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=f"there is no tag {ref} any more")
    if tag.protected:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"tag {ref} is protected")
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason=f"tag {ref} is not protected: add a rule such as {_suggest(ref)} under Settings > Repository > "
        "Protected tags, then resume",
        consequence=Consequence.BLOCK,
    )


def _suggest(ref: str) -> str:
    """A pattern for refs like this one: what stands before its first digit, and anything after."""
    return "".join(takewhile(lambda character: not character.isdigit(), ref)) + "*"
