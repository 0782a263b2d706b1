"""The gates about the ref: protected, and still at the commit that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState, TargetState, TargetStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.facts import Look, LookKind, Seen
from bot.release.gates import ref_protected, tag_unmoved, version_matches
from bot.release.report import report
from bot.release.targets import Assessment, gitlab_release
from tests.unit.release_facts import OTHER_SHA, PlainTexts, distribution, good_facts, head, wanted


@pytest.mark.parametrize("gate", [ref_protected, tag_unmoved])
def test_nothing_is_said_of_a_tag_nobody_looked_at(gate: object) -> None:
    judge = {ref_protected: ref_protected.judge, tag_unmoved: tag_unmoved.judge}[gate]  # type: ignore[index]  # a module
    assert judge(wanted(), replace(good_facts(), ref=None)) == Look(LookKind.REF)


def test_a_protected_tag_passes() -> None:
    assert ref_protected.judge(wanted(), good_facts()) == GateResult(
        name="ref_protected", verdict=Verdict.PASS, reason="tag v1.1.0 is protected"
    )


@pytest.mark.parametrize(
    ("ref", "pattern"),
    [("v1.1.0", "v*"), ("1.0", "*"), ("release/1.0", "release/*"), ("latest", "latest*"), ("dev-2", "dev-*")],
)
def test_an_unprotected_tag_blocks_and_the_reason_names_a_rule_that_would_cover_it(ref: str, pattern: str) -> None:
    facts = replace(good_facts(), ref=Seen(head(protected=False)))
    assert ref_protected.judge(wanted(ref=ref), facts) == GateResult(
        name="ref_protected",
        verdict=Verdict.FAIL,
        reason=f"tag {ref} is not protected: add a rule such as {pattern} under Settings > Repository > "
        "Protected tags, then resume",
        consequence=Consequence.BLOCK,
    )


def test_protection_is_no_question_of_a_tag_that_is_gone() -> None:
    assert ref_protected.judge(wanted(), replace(good_facts(), ref=Seen(None))) == GateResult(
        name="ref_protected", verdict=Verdict.NOT_APPLICABLE, reason="there is no tag v1.1.0 any more"
    )


def test_a_tag_at_its_commit_passes() -> None:
    assert tag_unmoved.judge(wanted(), good_facts()) == GateResult(
        name="tag_unmoved", verdict=Verdict.PASS, reason="tag v1.1.0 is at 0a1b2c3d"
    )


def test_a_tag_that_moved_withdraws_the_release() -> None:
    assert tag_unmoved.judge(wanted(), replace(good_facts(), ref=Seen(head(sha=OTHER_SHA)))) == GateResult(
        name="tag_unmoved",
        verdict=Verdict.FAIL,
        reason="tag v1.1.0 was moved from 0a1b2c3d to 9f8e7d6c; the new commit is a release of its own",
        consequence=Consequence.WITHDRAW,
    )


def test_a_tag_that_was_deleted_withdraws_the_release() -> None:
    assert tag_unmoved.judge(wanted(), replace(good_facts(), ref=Seen(None))) == GateResult(
        name="tag_unmoved",
        verdict=Verdict.FAIL,
        reason="tag v1.1.0 was deleted; push it again to release 0a1b2c3d",
        consequence=Consequence.WITHDRAW,
    )


# A branch.

MAIN = replace(wanted(), id=replace(wanted().id, kind=RefKind.BRANCH, ref="main"))


def test_a_branch_that_moved_on_still_holds_its_commit() -> None:
    facts = replace(good_facts(), ref=Seen(head(sha=OTHER_SHA, holds=True)))
    assert tag_unmoved.judge(MAIN, facts) == GateResult(
        name="tag_unmoved", verdict=Verdict.PASS, reason="branch main contains 0a1b2c3d"
    )


def test_a_branch_that_was_rewritten_withdraws_the_release() -> None:
    facts = replace(good_facts(), ref=Seen(head(sha=OTHER_SHA, holds=False)))
    assert tag_unmoved.judge(MAIN, facts) == GateResult(
        name="tag_unmoved",
        verdict=Verdict.FAIL,
        reason="branch main was rewritten to 9f8e7d6c and does not contain 0a1b2c3d any more",
        consequence=Consequence.WITHDRAW,
    )


def test_an_unprotected_branch_blocks() -> None:
    facts = replace(good_facts(), ref=Seen(head(protected=False)))
    said = ref_protected.judge(MAIN, facts)
    assert isinstance(said, GateResult)
    assert said.consequence is Consequence.BLOCK
    assert said.reason == (
        "branch main is not protected: add a rule such as main under Settings > Repository > Protected branches, "
        "then resume"
    )


@pytest.mark.parametrize(("versions", "passes"), [(("1.1.0", "1.1.0"), True), (("1.1.0", "1.2.0"), False)])
def test_a_branch_takes_its_version_from_the_metadata_which_must_be_of_one_mind(
    versions: tuple[str, str], passes: bool
) -> None:
    wheel, sdist = versions
    files = (
        distribution(f"acme_widget-{wheel}-py3-none-any.whl", version=wheel),
        distribution(f"acme_widget-{sdist}.tar.gz", version=sdist),
    )
    said = version_matches.judge(MAIN, replace(good_facts(), files=Seen(Gathered(files=files))))
    assert isinstance(said, GateResult)
    reason = (
        "metadata and file names say acme-widget 1.1.0"
        if passes
        else "the artifacts hold several versions: 1.1.0, 1.2.0. Let the job clear dist/ first"
    )
    assert (said.verdict is Verdict.PASS, said.reason) == (passes, reason)


def test_a_branch_has_no_gitlab_release() -> None:
    said = report(MAIN, good_facts(), ReleaseState.PUBLISHED, (), (), None)
    assert gitlab_release.assess(MAIN, good_facts(), PlainTexts(), said) == Assessment(
        status=TargetStatus(
            name="gitlab_release", state=TargetState.SKIPPED, reason="a release from a branch has no tag"
        )
    )
