"""Somebody said stop: nothing more is published until they say go, or until the time they named.

Read anew before every public write, so that a hold also stops a release between two files.
"""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from bot.domain.consents import Hold
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "hold"
# A look at our own records; lifting a hold wakes the release, so this only bounds what a missed wake-up would cost.
LOOK_AGAIN_MOST = timedelta(minutes=15)
SHORTEST = timedelta(seconds=1)


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass unless somebody holds the ref; a hold with an end makes the release wait, one without blocks it."""
    if facts.hold is None:
        return Look(LookKind.HOLD)
    hold = facts.hold.value
    if hold is None or not hold.holds(facts.now):
        over = "" if hold is None else f" any more ({hold.by} did until {_time(hold.until)})"
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"nobody holds it{over}")
    return stopping(hold, f"{wanted.project.full_path}@{wanted.id.ref}", facts.now)


def stopping(hold: Hold, target: str, now: datetime) -> GateResult:
    """What a hold in force means. `target` is PROJECT@REF."""
    until = f" until {_time(hold.until)}" if hold.until else ""
    why = f" ({hold.reason})" if hold.reason else ""
    lifted = f"`ropewalk release hold {shlex.quote(target)} --lift` lets it go on"
    reason = f"held by {hold.by} since {_time(hold.since)}{until}{why}; {lifted}"
    if hold.until is None:
        return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)
    again = min(max(hold.until - now, SHORTEST), LOOK_AGAIN_MOST)
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.WAIT, look_again=again)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
