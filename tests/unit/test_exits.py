"""The exit code of a release that waits: for GitLab it is 0, for people or a date 5."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cli.exits import Exit, exit_of_release, waits_for_index, waits_for_people
from bot.domain.releases import AttemptOutcome, ReleaseState, TargetState, TargetStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.judge import GATES, PEOPLE
from tests.contract.turn_bench import planned
from tests.unit.release_facts import attempt


def stopping(name: str, consequence: Consequence = Consequence.WAIT) -> GateResult:
    again = timedelta(minutes=1) if consequence is Consequence.WAIT else None
    return GateResult(name=name, verdict=Verdict.FAIL, reason="so", consequence=consequence, look_again=again)


@pytest.mark.parametrize("name", [gate.NAME for gate in GATES])
def test_waiting_for_people_is_blocked_and_for_gitlab_it_is_not(name: str) -> None:
    waiting = replace(planned(), state=ReleaseState.WAITING, gates=(stopping(name),))
    assert exit_of_release(waiting, public=False) is (Exit.BLOCKED if name in PEOPLE else Exit.DONE)
    assert waits_for_people(waiting) is (name in PEOPLE)


def test_what_was_woken_or_said_before_is_not_waited_for() -> None:
    waiting = replace(planned(), state=ReleaseState.WAITING, gates=(stopping("approval"),))
    assert not waits_for_people(replace(waiting, woken=True))
    assert not waits_for_people(replace(waiting, state=ReleaseState.PLANNED))
    past = (stopping("pipeline_green"), stopping("freeze", Consequence.NONE))
    assert not waits_for_people(replace(waiting, gates=past))


@pytest.mark.parametrize(
    ("state", "target", "outcome", "waits"),
    [
        (ReleaseState.WAITING, "index:registry", AttemptOutcome.UNCLEAR, True),
        (ReleaseState.WAITING, "index:registry", AttemptOutcome.REFUSED, True),
        (ReleaseState.WAITING, "index:registry", AttemptOutcome.ACCEPTED, False),
        (ReleaseState.WAITING, "distributions", AttemptOutcome.UNCLEAR, False),
        (ReleaseState.VERIFYING, "index:registry", AttemptOutcome.UNCLEAR, False),
    ],
)
def test_it_is_the_last_try_that_says_whether_an_index_is_waited_for(
    state: ReleaseState, target: str, outcome: AttemptOutcome, waits: bool
) -> None:
    pending = TargetStatus(name=target, state=TargetState.PENDING)
    release = replace(planned(), state=state, targets=(pending,))
    tries = [attempt(AttemptOutcome.UNCLEAR, target=target), attempt(outcome, number=2, target=target)]
    assert waits_for_index(release, tries) is waits
    assert not waits_for_index(replace(release, woken=True), tries)
    assert not waits_for_index(replace(release, targets=(replace(pending, state=TargetState.DONE),)), tries)


@pytest.mark.parametrize(
    ("outcome", "public", "code"),
    [
        (AttemptOutcome.REFUSED, False, Exit.FAILED),
        (AttemptOutcome.DENIED, False, Exit.UNREACHABLE),
        (AttemptOutcome.UNCLEAR, False, Exit.UNREACHABLE),
        (AttemptOutcome.UNCLEAR, True, Exit.FAILED),
    ],
)
def test_an_index_that_never_answered_is_unreachable_as_long_as_nothing_is_public(
    outcome: AttemptOutcome, public: bool, code: Exit
) -> None:
    """Of several codes that apply 6 goes before 20."""
    lost = TargetStatus(name="index:registry", state=TargetState.FAILED)
    failed = replace(planned(), state=ReleaseState.FAILED, targets=(lost,))
    tries = [attempt(AttemptOutcome.REFUSED), attempt(outcome, number=2)]
    assert exit_of_release(failed, public=public, attempts=tries) is code
