"""Times in which the organisation publishes nothing new: the days before a holiday, weekends, an audit."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.freezes import Freeze, Frozen, frozen
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted

NAME = "freeze"
# Waiting asks nobody. Whoever lifts a freeze restarts the daemon, which then finds out within this time.
LOOK_AGAIN_MOST = timedelta(minutes=15)
SHORTEST = timedelta(seconds=1)


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Wait while a freeze covers the project. What is public in part is finished: half a version helps nobody."""
    freezes = wanted.freezes
    if wanted.rule.deploy_freezes:
        if facts.freezes is None:
            return Look(LookKind.FREEZES)
        if isinstance(facts.freezes, Unreadable):
            return _blind(facts, facts.freezes.reason)
        freezes += facts.freezes.value
    if not freezes:
        who = "neither policy nor GitLab has a" if wanted.rule.deploy_freezes else "policy has no"
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=f"{who} freeze for this project")
    holding = frozen(freezes, facts.now)
    if holding is None:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason="no freeze now")
    names = " and ".join(f"`{freeze.name}`" for freeze in holding.by)
    if facts.public:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"begun before the freeze {names}: it is finished")
    again = LOOK_AGAIN_MOST
    if holding.until is not None:
        again = min(max(holding.until - facts.now, SHORTEST), LOOK_AGAIN_MOST)
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason=f"frozen {_until(holding)} by {names}; {_lifting(holding.by)}",
        consequence=Consequence.WAIT,
        look_again=again,
    )


def _blind(facts: Facts, why: str) -> GateResult:
    if facts.public:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"it is finished, though nobody can tell: {why}")
    reason = f"cannot tell whether GitLab has a deploy freeze: {why}; resume once that is mended"
    return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason=reason, consequence=Consequence.BLOCK)


def _until(holding: Frozen) -> str:
    if holding.until is None:
        return "without an end in sight"
    local = holding.until.astimezone(holding.by[0].zone)
    return f"until {local:%a %Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()


def _lifting(freezes: tuple[Freeze, ...]) -> str:
    """Who may lift it, and where."""
    sentences = []
    for place in dict.fromkeys(freeze.place for freeze in freezes):
        here = [freeze for freeze in freezes if freeze.place == place]
        owners = dict.fromkeys(freeze.owner or "whoever keeps the policy" for freeze in here)
        lines = dict.fromkeys(freeze.where for freeze in here if freeze.where)
        sentences.append(f"{' and '.join(owners)} may lift it {place}" + (f" ({', '.join(lines)})" if lines else ""))
    return "; ".join(sentences)
