"""What everybody may read of a release, who sees its project and is not one of its own people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.discretion import KEPT, confidential, discreet
from bot.domain.releases import Release, ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Verdict
from tests.contract.turn_bench import planned

WEAK = GateResult(
    name="hygiene",
    verdict=Verdict.FAIL,
    reason="TWINE_PASSWORD is not masked",
    consequence=Consequence.BLOCK,
    discreet="1 publishing variable is not masked (RW101)",
)
LOOSE = GateResult(
    name="ref_protected", verdict=Verdict.FAIL, reason="v1 is not protected", consequence=Consequence.BLOCK
)
GOOD = replace(WEAK, verdict=Verdict.PASS, consequence=Consequence.NONE)


def release(state: ReleaseState, next_: str | None, *gates: GateResult) -> Release:
    return replace(planned(), state=state, next=next_, gates=gates)


BLOCKED = release(ReleaseState.BLOCKED, f"{WEAK.reason}. {LOOSE.reason}", WEAK, LOOSE)
CASES: list[tuple[str, Release, str | None, list[str]]] = [
    ("stopped", BLOCKED, f"{WEAK.discreet}. {LOOSE.reason}", [WEAK.discreet, LOOSE.reason]),
    ("passed", release(ReleaseState.FAILED, "the index is away", GOOD), "the index is away", [WEAK.discreet]),
    ("published", release(ReleaseState.PUBLISHED, None, GOOD), None, [WEAK.discreet]),
    (
        "judged by an earlier version",
        release(ReleaseState.PARTIAL, WEAK.reason, replace(WEAK, discreet="")),
        KEPT,
        [KEPT],
    ),
]


@pytest.mark.parametrize(("whole", "next_", "reasons"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_names_are_left_out_of_gates_and_of_what_comes_next(
    whole: Release, next_: str | None, reasons: list[str]
) -> None:
    told = discreet(whole)
    assert confidential(whole)
    assert not confidential(replace(told, gates=tuple(gate for gate in told.gates if gate.name != "hygiene")))
    assert "TWINE_PASSWORD" not in repr(told)
    assert (told.next, [gate.reason for gate in told.gates]) == (next_, reasons)


def test_what_names_nothing_stays_as_it_is() -> None:
    plain = release(ReleaseState.BLOCKED, LOOSE.reason, LOOSE)
    assert (confidential(plain), discreet(plain)) == (False, plain)
