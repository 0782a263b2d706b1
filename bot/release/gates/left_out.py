"""Whoever looks for a file on an index should have read why it is not there: what is left out is told, and passes."""

from __future__ import annotations

from bot.domain.verdicts import GateResult, Verdict
from bot.release import leaving
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = leaving.NAME


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look | None:
    """Fail without stopping the release, which `expect` may do; None where nothing is left out."""
    if facts.files is None:
        return Look(LookKind.FILES)
    told = leaving.left_out(wanted, facts)
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=told) if told else None
