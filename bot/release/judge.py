"""Run the gates over the facts, cheapest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.domain.verdicts import Consequence, GateResult
from bot.release.facts import Facts, Look, Wanted
from bot.release.gates import (
    approval,
    changes,
    expected_files,
    freeze,
    hold,
    hygiene,
    index_guard,
    left_out,
    name_allowed,
    pipeline_green,
    policy,
    ref_protected,
    tag_reachable,
    tag_unmoved,
    twine_check,
    version_matches,
)


class Gate(Protocol):
    """What each module of `release/gates` is."""

    NAME: str

    def judge(self, wanted: Wanted, facts: Facts) -> GateResult | Look | None:
        """The verdict, the look that it needs first, or None where policy does not ask."""


# In the order of what they cost to know: one request, one query, the pipeline, the branches (once, not with every turn
# that waits for the pipeline), the artifacts, the indexes. What waits for people or for a date comes last, though it
# costs nothing: by then all else is known, and mended in time.
# A gate that policy has to ask for, and does not, says nothing.
GATES: tuple[Gate, ...] = (
    policy,
    tag_unmoved,
    ref_protected,
    hold,
    hygiene,
    pipeline_green,
    tag_reachable,
    version_matches,
    name_allowed,
    twine_check,
    expected_files,
    left_out,
    index_guard,
    changes,
    approval,
    freeze,
)
# Gates that make a release wait for people or a date: neither a look nor time alone tells when it goes on.
PEOPLE = frozenset({approval.NAME, freeze.NAME, hold.NAME})
_GRAVITY = (
    Consequence.WITHDRAW,
    Consequence.CONFLICT,
    Consequence.FAIL,
    Consequence.BLOCK,
    Consequence.WAIT,
    Consequence.NONE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the gates say so far. `look` is what the next gate needs to know; None when all that matter have spoken."""

    results: tuple[GateResult, ...]
    look: Look | None

    @property
    def consequence(self) -> Consequence:
        """The gravest consequence of all results."""
        return min((r.consequence for r in self.results), key=_GRAVITY.index, default=Consequence.NONE)

    @property
    def reasons(self) -> str:
        """The reasons behind the gravest consequence, in one text."""
        return ". ".join(r.reason for r in self.results if r.consequence is self.consequence)


def judge(wanted: Wanted, facts: Facts, gates: tuple[Gate, ...] = GATES) -> Judgement:
    """Judge all gates (or those given) that the facts allow.

    Once a gate stops the release, no further look is asked for; gates that can speak without one still do, so that a
    person learns all the reasons known at once.
    """
    waiting = _still_waiting(wanted, facts)
    if waiting is not None:
        return waiting
    results: list[GateResult] = []
    stopped = False
    for gate in gates:
        said = gate.judge(wanted, facts)
        if said is None:
            continue
        if isinstance(said, Look):
            if stopped:
                continue
            return Judgement(results=tuple(results), look=said)
        results.append(said)
        stopped = stopped or said.consequence is not Consequence.NONE
    return Judgement(results=tuple(results), look=None)


def _still_waiting(wanted: Wanted, facts: Facts) -> Judgement | None:
    """Ask the gate that made the release wait before all others: as long as it does, the others need no new look."""
    gate = next((gate for gate in GATES if wanted.waiting_for == gate.NAME), None)
    if gate is None or facts.ref is not None:
        return None
    said = gate.judge(wanted, facts)
    if isinstance(said, Look):
        return Judgement(results=(), look=said)
    if said is None or said.consequence is not Consequence.WAIT:
        return None
    return Judgement(results=(said,), look=None)
