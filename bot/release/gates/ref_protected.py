"""Only protected refs are released: anybody with push rights could make another."""

from itertools import takewhile

from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "ref_protected"
_PAGES = {RefKind.TAG: "Protected tags", RefKind.BRANCH: "Protected branches"}


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if GitLab says that the ref is protected.

    Source: GitLab computes `protected` from project and group rules, wildcards included (lib/api/entities/tag.rb,
    lib/api/entities/branch.rb).
    """
    if facts.ref is None:
        return Look(LookKind.REF)
    head, kind, ref = facts.ref.value, wanted.id.kind, wanted.id.ref
    if head is None:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=f"there is no {kind.value} {ref} any more")
    if head.protected:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"{kind.value} {ref} is protected")
    rule = _suggest(ref) if kind is RefKind.TAG else ref
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason=f"{kind.value} {ref} is not protected: add a rule such as {rule} under Settings > Repository > "
        f"{_PAGES[kind]}, then resume",
        consequence=Consequence.BLOCK,
    )


def _suggest(ref: str) -> str:
    """A pattern for tags like this one: what stands before its first digit, and anything after."""
    return "".join(takewhile(lambda character: not character.isdigit(), ref)) + "*"
