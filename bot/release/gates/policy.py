"""The project's own file of policy: what is wrong in it is said, and stops releases where the organisation says so."""

from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Wanted

NAME = "policy"


def judge(wanted: Wanted, facts: Facts) -> GateResult | None:
    """Say nothing without such a file; pass with its commit; unknown with what is wrong."""
    own = wanted.own_policy
    if own is None:
        return None
    if not own.faults:
        reason = f"{own.words} was read, and tightens the organisation's policy"
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)
    told = ". ".join(fault.rstrip(".") for fault in own.faults)
    if not own.strict or facts.public:
        reason = f"what is wrong does not count, the organisation's policy holds there: {told}"
        return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason=reason)
    reason = f"{told}. Correct {own.words} on the default branch, then resume"
    return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason=reason, consequence=Consequence.BLOCK)
