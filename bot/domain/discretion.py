"""A release as anybody may read of it, who sees the project and is not one of its own people.

The names of variables and of other projects are for Reporters and above, as the audit's findings are.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.releases import STOPPED, Release
from bot.domain.verdicts import Consequence, GateResult

KEPT = "what it found is told to Reporters of the project"
"""Of a gate that was judged before there were words for everybody."""
_NAMING = frozenset({"hygiene"})  # gates whose reasons have always named what is not for everybody


def confidential(release: Release) -> bool:
    """Whether something of it is not for everybody."""
    return any(_for_all(gate) != gate.reason for gate in release.gates)


def discreet(release: Release) -> Release:
    """The release with what its gates may say to everybody, and what comes next in the same words."""
    if not confidential(release):
        return release
    gates = tuple(replace(gate, reason=_for_all(gate), discreet="") for gate in release.gates)
    next_ = release.next
    if next_ and release.state in STOPPED and any(gate.consequence is not Consequence.NONE for gate in gates):
        next_ = ". ".join(gate.reason for gate in gates if gate.consequence is not Consequence.NONE)
    return replace(release, gates=gates, next=next_)


def _for_all(gate: GateResult) -> str:
    return KEPT if gate.name in _NAMING and not gate.discreet else gate.for_all
