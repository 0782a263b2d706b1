"""All gates together: the order of their looks, and what weighs most."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.gitlab import PipelineStatus, Variables
from bot.domain.verdicts import Consequence, Verdict
from bot.release.facts import Facts, Look, LookKind, Seen
from bot.release.judge import GATES, judge
from tests.unit.release_facts import NOON, OTHER_SHA, good_facts, head, pipeline, variable, wanted


def test_gates_ask_for_what_is_cheap_first() -> None:
    facts, good = Facts(now=NOON), good_facts()
    steps = [
        (Look(LookKind.REF), {"ref": good.ref, "hold": good.hold}),
        (Look(LookKind.VARIABLES), {"variables": good.variables}),
        (Look(LookKind.PIPELINE), {"pipeline": good.pipeline}),
        (Look(LookKind.REACH), {"reach": good.reach}),
        (Look(LookKind.FILES), {"files": good.files}),
        (Look(LookKind.NAMES), {"names": good.names}),
        (Look(LookKind.INDEX, index="registry"), {"indexes": {"registry": good.indexes["registry"]}}),
        (Look(LookKind.INDEX, index="public"), {"indexes": good.indexes}),
    ]
    for look, answer in steps:
        assert judge(wanted(), facts).look == look
        facts = replace(facts, **answer)  # type: ignore[arg-type]  # one field at a time, by name
    whole = judge(wanted(), facts)
    assert whole.look is None
    assert whole.consequence is Consequence.NONE
    # Policy, a project's own file, or something to tell has to ask for these.
    silent = {"changes", "expected_files", "left_out", "policy"}
    assert [result.name for result in whole.results] == [gate.NAME for gate in GATES if gate.NAME not in silent]
    unasked = {result.name for result in whole.results if result.verdict is Verdict.NOT_APPLICABLE}
    assert unasked == {"approval", "freeze"}, "policy says nothing of them"
    assert {result.verdict for result in whole.results if result.name not in unasked} == {Verdict.PASS}


def test_once_a_gate_stops_the_release_nothing_more_is_looked_at() -> None:
    facts = Facts(now=NOON, ref=Seen(head(protected=False)), ref_fresh=True)
    judged = judge(wanted(), facts)
    assert judged.look is None
    assert judged.consequence is Consequence.BLOCK


def test_gates_that_need_no_look_still_tell_their_reasons_after_a_stop() -> None:
    facts = Facts(now=NOON, ref=Seen(head(protected=False)))
    judged = judge(wanted(ref="vnext"), facts)
    stopping = ["ref_protected", "version_matches"]
    assert [r.name for r in judged.results] == ["tag_unmoved", *stopping, "approval", "freeze"]
    assert judged.reasons == ". ".join(r.reason for r in judged.results if r.name in stopping)


def test_the_gravest_consequence_wins_and_only_its_reasons_are_given() -> None:
    facts = replace(
        good_facts(),
        ref=Seen(head(sha=OTHER_SHA)),
        variables=Seen(Variables(flags=(variable(masked=False),))),
        pipeline=Seen(pipeline(PipelineStatus.RUNNING)),
    )
    judged = judge(wanted(), facts)
    assert judged.consequence is Consequence.WITHDRAW
    assert judged.reasons.startswith("tag v1.1.0 was moved")
    assert "TWINE_PASSWORD" not in judged.reasons
