"""The release's own pipeline succeeded, and with it every job that made files.

Which pipeline: same commit and the released ref; never a merge request's, a child or a scheduled one.
"""

from __future__ import annotations

import math
from datetime import timedelta

from bot.domain.gitlab import PipelineStatus
from bot.domain.policy import Source
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, PipelineFacts, Wanted
from bot.release.following import failure, follow, settled, since_steered
from bot.release.sources import source_of

NAME = "pipeline_green"

# What the bot builds needs no pipeline; one that checks the commit is waited for all the same, if it comes by then.
PATIENCE_WITHOUT_NEED = timedelta(minutes=1)
LOOK_AGAIN_FIRST = timedelta(seconds=5)
LOOK_AGAIN_MOST = timedelta(seconds=60)
# People take hours, and hooks tell when a pipeline is over: then the looks are there for the hook that gets lost.
SELDOM = timedelta(minutes=15)  # a thousand releases that wait ask 67 times a minute


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass on `success`, and on `manual` where every unfinished job waits for a person; wait while it runs.

    A pipeline that publishes by itself (source `pipeline`) is held to more, see bot.release.following.
    Where the bot builds the files itself, no pipeline at all is as good; one that failed is not.
    """
    if facts.pipeline is None:
        return Look(LookKind.PIPELINE)
    found = facts.pipeline.value
    waited = facts.now - wanted.asked
    if found is None and waited < _patience(wanted):
        none = f"no pipeline for {wanted.id.ref} at {wanted.id.sha[:8]} yet{_start_in(wanted, waited)}"
        return _wait(none, _again(waited))
    if found is not None and not found.pipeline.status.still:
        status = f"pipeline {found.pipeline.id} is {found.pipeline.status.value}"
        return _wait(status, SELDOM if wanted.heard else _again(since_steered(wanted, facts)))
    source = source_of(wanted, facts)
    if source is Source.AUTO:
        return Look(LookKind.SOURCE)
    if source is Source.PIPELINE:
        return _judge_publishing(wanted, facts, found)
    if found is None:
        if source is Source.BUILD:
            reason = f"there is no pipeline for {wanted.id.ref} at {wanted.id.sha[:8]}, and the bot builds without one"
            return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        return GateResult(
            name=NAME,
            verdict=Verdict.FAIL,
            reason=f"there is no pipeline for {wanted.id.ref} at {wanted.id.sha[:8]} (GitLab creates none after the "
            "fourth ref of one push, or when rules leave no job): run one for this tag, then resume",
            consequence=Consequence.BLOCK,
        )
    return _judge_pipeline(found, SELDOM if wanted.heard else _again(waited))


def _patience(wanted: Wanted) -> timedelta:
    """How long a pipeline may fail to appear."""
    patience = wanted.rule.pipeline.patience
    return min(patience, PATIENCE_WITHOUT_NEED) if wanted.source is Source.BUILD else patience


def _start_in(wanted: Wanted, waited: timedelta) -> str:
    if wanted.source is not Source.PIPELINE or not wanted.rule.pipeline.start:
        return ""
    left = wanted.rule.pipeline.patience - waited
    return f"; in {math.ceil(left.total_seconds() / 60)} min the bot starts one"


def _judge_publishing(wanted: Wanted, facts: Facts, found: PipelineFacts | None) -> GateResult | Look:
    said = follow(wanted, facts, found)
    if isinstance(said, Look):
        return said
    if said.wait:
        most = SELDOM if said.person else LOOK_AGAIN_MOST
        return _wait(said.reason, SELDOM if wanted.heard else _again(since_steered(wanted, facts), most))
    return GateResult(name=NAME, verdict=said.verdict, reason=said.reason, consequence=said.consequence)


def _judge_pipeline(found: PipelineFacts, again: timedelta) -> GateResult:
    pipeline = found.pipeline
    name = f"pipeline {pipeline.id}"
    if pipeline.status is PipelineStatus.SUCCESS:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"{name} succeeded")
    if pipeline.status is PipelineStatus.MANUAL:
        stuck = [job.name for job in found.jobs if not settled(job)]
        if not stuck:
            waiting = ", ".join(job.name for job in found.jobs if job.status is PipelineStatus.MANUAL)
            return GateResult(
                name=NAME, verdict=Verdict.PASS, reason=f"{name} succeeded up to its manual jobs ({waiting})"
            )
        return _wait(f"{name} waits for {', '.join(stuck)}", again)
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason=f"{failure(found)}. Retry it in GitLab once mended, then resume",
        consequence=Consequence.FAIL,
    )


def _again(waited: timedelta, most: timedelta = LOOK_AGAIN_MOST) -> timedelta:
    """Ask again after a quarter of the time already waited: soon for quick pipelines, seldom for long ones.

    A pipeline of 75 s costs ten questions, one of an hour some seventy.
    """
    return min(max(waited / 4, LOOK_AGAIN_FIRST), most)


def _wait(reason: str, again: timedelta) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason=reason, consequence=Consequence.WAIT, look_again=again)
