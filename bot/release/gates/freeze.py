"""Times in which the organisation publishes nothing new: the days before a holiday, weekends, an audit."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.freezes import Freeze, Frozen, frozen
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, Wanted

NAME = "freeze"
# Waiting asks nobody. Whoever lifts a freeze restarts the daemon, which then finds out within this time.
LOOK_AGAIN_MOST = timedelta(minutes=15)
SHORTEST = timedelta(seconds=1)


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Wait while a freeze covers the project. What is public in part is finished: half a version helps nobody."""
    if not wanted.freezes:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="policy has no freeze for this project")
    holding = frozen(wanted.freezes, facts.now)
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


def _until(holding: Frozen) -> str:
    if holding.until is None:
        return "without an end in sight"
    local = holding.until.astimezone(holding.by[0].zone)
    return f"until {local:%a %Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()


def _lifting(freezes: tuple[Freeze, ...]) -> str:
    """Who may lift it, and where."""
    owners = dict.fromkeys(freeze.owner or "whoever keeps the policy" for freeze in freezes)
    places = dict.fromkeys(freeze.where for freeze in freezes if freeze.where)
    where = f" ({', '.join(places)})" if places else ""
    return f"{' and '.join(owners)} may lift it in the policy{where}"
