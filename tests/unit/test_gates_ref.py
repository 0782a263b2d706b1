"""The gates about the ref: protected, and still at the commit that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Look, LookKind, Seen
from bot.release.gates import ref_protected, tag_unmoved
from tests.unit.release_facts import OTHER_SHA, good_facts, tag, wanted


@pytest.mark.parametrize("gate", [ref_protected, tag_unmoved])
def test_nothing_is_said_of_a_tag_nobody_looked_at(gate: object) -> None:
    judge = {ref_protected: ref_protected.judge, tag_unmoved: tag_unmoved.judge}[gate]  # type: ignore[index]  # a module
    assert judge(wanted(), replace(good_facts(), tag=None)) == Look(LookKind.TAG)


def test_a_protected_tag_passes() -> None:
    assert ref_protected.judge(wanted(), good_facts()) == GateResult(
        name="ref_protected", verdict=Verdict.PASS, reason="tag v1.1.0 is protected"
    )


@pytest.mark.parametrize(
    ("ref", "pattern"),
    [("v1.1.0", "v*"), ("1.0", "*"), ("release/1.0", "release/*"), ("latest", "latest*"), ("dev-2", "dev-*")],
)
def test_an_unprotected_tag_blocks_and_the_reason_names_a_rule_that_would_cover_it(ref: str, pattern: str) -> None:
    facts = replace(good_facts(), tag=Seen(tag(ref, protected=False)))
    assert ref_protected.judge(wanted(ref=ref), facts) == GateResult(
        name="ref_protected",
        verdict=Verdict.FAIL,
        reason=f"tag {ref} is not protected: add a rule such as {pattern} under Settings > Repository > "
        "Protected tags, then resume",
        consequence=Consequence.BLOCK,
    )


def test_protection_is_no_question_of_a_tag_that_is_gone() -> None:
    assert ref_protected.judge(wanted(), replace(good_facts(), tag=Seen(None))) == GateResult(
        name="ref_protected", verdict=Verdict.NOT_APPLICABLE, reason="there is no tag v1.1.0 any more"
    )


def test_a_tag_at_its_commit_passes() -> None:
    assert tag_unmoved.judge(wanted(), good_facts()) == GateResult(
        name="tag_unmoved", verdict=Verdict.PASS, reason="tag v1.1.0 is at 0a1b2c3d"
    )


def test_a_tag_that_moved_withdraws_the_release() -> None:
    assert tag_unmoved.judge(wanted(), replace(good_facts(), tag=Seen(tag(sha=OTHER_SHA)))) == GateResult(
        name="tag_unmoved",
        verdict=Verdict.FAIL,
        reason="tag v1.1.0 was moved from 0a1b2c3d to 9f8e7d6c; the new commit is a release of its own",
        consequence=Consequence.WITHDRAW,
    )


def test_a_tag_that_was_deleted_withdraws_the_release() -> None:
    assert tag_unmoved.judge(wanted(), replace(good_facts(), tag=Seen(None))) == GateResult(
        name="tag_unmoved",
        verdict=Verdict.FAIL,
        reason="tag v1.1.0 was deleted; push it again to release 0a1b2c3d",
        consequence=Consequence.WITHDRAW,
    )
