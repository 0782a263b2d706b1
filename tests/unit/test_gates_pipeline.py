"""The gate about the pipeline: green, still running, failed, or not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, PipelineFacts, Seen
from bot.release.gates import pipeline_green
from tests.unit.release_facts import NOON, good_facts, job, pipeline, wanted

S = PipelineStatus
PAGE = "https://gitlab.example.com/-/pipelines/7"


def judge(found: PipelineFacts | None, waited: float = 0) -> GateResult:
    facts: Facts = replace(good_facts(), pipeline=Seen(found), now=NOON + timedelta(seconds=waited))
    said = pipeline_green.judge(wanted(), facts)
    assert isinstance(said, GateResult)
    return said


def test_nothing_is_said_before_the_pipeline_was_looked_at() -> None:
    assert pipeline_green.judge(wanted(), replace(good_facts(), pipeline=None)) == Look(LookKind.PIPELINE)


@pytest.mark.parametrize("waited", [0, 30, 7200])
def test_where_hooks_tell_of_the_pipeline_it_is_looked_at_seldom(waited: float) -> None:
    facts = replace(good_facts(), pipeline=Seen(pipeline(S.RUNNING)), now=NOON + timedelta(seconds=waited))
    said = pipeline_green.judge(replace(wanted(), heard=True), facts)
    assert isinstance(said, GateResult)
    assert said.look_again == timedelta(minutes=15)


def test_success_passes() -> None:
    assert judge(pipeline(S.SUCCESS)) == GateResult(
        name="pipeline_green", verdict=Verdict.PASS, reason="pipeline 7 succeeded"
    )


@pytest.mark.parametrize(
    "others",
    [
        (),
        (job(32, "test", S.SUCCESS),),
        (job(32, "lint", S.FAILED, allow_failure=True),),
        (job(32, "lint", S.CANCELED, allow_failure=True),),
        (job(32, "announce", S.CREATED),),
        (job(32, "docs", S.SKIPPED),),
    ],
)
def test_a_pipeline_that_waits_for_a_person_only_passes(others: tuple[Job, ...]) -> None:
    found = pipeline(S.MANUAL, job(), *others, job(40, "publish", S.MANUAL))
    assert judge(found) == GateResult(
        name="pipeline_green", verdict=Verdict.PASS, reason="pipeline 7 succeeded up to its manual jobs (publish)"
    )


@pytest.mark.parametrize(
    "status",
    [s for s in S if s not in (S.SUCCESS, S.SKIPPED, S.MANUAL, S.CREATED)],
)
def test_a_pipeline_at_manual_with_something_else_unfinished_is_waited_for(status: S) -> None:
    said = judge(pipeline(S.MANUAL, job(32, "test", status), job(40, "publish", S.MANUAL)))
    assert (said.consequence, said.reason) == (Consequence.WAIT, "pipeline 7 waits for test")


@pytest.mark.parametrize(
    "status",
    [s for s in S if s not in (S.SUCCESS, S.FAILED, S.CANCELED, S.SKIPPED, S.MANUAL)],
)
def test_a_pipeline_under_way_is_unknown_and_waited_for(status: S) -> None:
    assert judge(pipeline(status)) == GateResult(
        name="pipeline_green",
        verdict=Verdict.UNKNOWN,
        reason=f"pipeline 7 is {status.value}",
        consequence=Consequence.WAIT,
        look_again=timedelta(seconds=5),
    )


@pytest.mark.parametrize(
    ("status", "jobs", "words"),
    [
        (S.FAILED, (job(1, "test", S.FAILED), job(2, "lint", S.FAILED, allow_failure=True)), "failed in test"),
        (S.FAILED, (job(1, "test", S.FAILED), job(2, "wheel", S.FAILED)), "failed in test, wheel"),
        (S.FAILED, (job(1, "test"),), "failed"),
        (S.CANCELED, (job(1, "test", S.CANCELED),), "was canceled"),
        (S.SKIPPED, (job(1, "test", S.SKIPPED),), "is skipped"),
    ],
)
def test_a_pipeline_that_did_not_succeed_fails_the_release_with_its_page(
    status: S, jobs: tuple[Job, ...], words: str
) -> None:
    assert judge(pipeline(status, *jobs)) == GateResult(
        name="pipeline_green",
        verdict=Verdict.FAIL,
        reason=f"pipeline 7 {words}: {PAGE}. Retry it in GitLab once mended, then resume",
        consequence=Consequence.FAIL,
    )


@pytest.mark.parametrize(
    ("waited", "again"), [(0, 5), (20, 5), (24, 6), (30, 7.5), (240, 60), (599, 60)]
)  # seconds since it was asked for, seconds until the next look
def test_a_missing_pipeline_is_waited_for_by_a_quarter_of_the_time_so_far(waited: float, again: float) -> None:
    assert judge(None, waited) == GateResult(
        name="pipeline_green",
        verdict=Verdict.UNKNOWN,
        reason="no pipeline for v1.1.0 at 0a1b2c3d yet",
        consequence=Consequence.WAIT,
        look_again=timedelta(seconds=again),
    )


def test_a_pipeline_that_never_comes_blocks_and_says_why_there_may_be_none() -> None:
    assert judge(None, 600) == GateResult(
        name="pipeline_green",
        verdict=Verdict.FAIL,
        reason="there is no pipeline for v1.1.0 at 0a1b2c3d (GitLab creates none after the fourth ref of one push, or "
        "when rules leave no job): run one for this tag, then resume",
        consequence=Consequence.BLOCK,
    )


@given(st.integers(-3600, 10**7), st.sampled_from(list(S)))
def test_the_next_look_is_never_sooner_than_five_seconds_nor_later_than_a_minute(waited: int, status: S) -> None:
    said = judge(pipeline(status), waited)
    assert (said.look_again is not None) == (said.consequence is Consequence.WAIT)
    if said.look_again is not None:
        assert timedelta(seconds=5) <= said.look_again <= timedelta(minutes=1)
