"""The release's own pipeline succeeded, and with it every job that made files.

Which pipeline: same commit and the released ref; never a merge request's, a child or a scheduled one.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, PipelineFacts, Wanted

NAME = "pipeline_green"

# GitLab creates a tag's pipeline within seconds; on a loaded server it has been seen to take minutes.
PATIENCE = timedelta(minutes=10)
LOOK_AGAIN_FIRST = timedelta(seconds=5)
LOOK_AGAIN_MOST = timedelta(seconds=60)


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass on `success`, and on `manual` where every unfinished job waits for a person; wait while it runs."""
    if facts.pipeline is None:
        return Look(LookKind.PIPELINE)
    found = facts.pipeline.value
    waited = facts.now - wanted.asked
    if found is None:
        if waited < PATIENCE:
            return _wait(f"no pipeline for {wanted.id.ref} at {wanted.id.sha[:8]} yet", waited)
        return GateResult(
            name=NAME,
            verdict=Verdict.FAIL,
            reason=f"there is no pipeline for {wanted.id.ref} at {wanted.id.sha[:8]} (GitLab creates none after the "
            "fourth ref of one push, or when rules leave no job): run one for this tag, then resume",
            consequence=Consequence.BLOCK,
        )
    return _judge_pipeline(found, waited)


def _judge_pipeline(found: PipelineFacts, waited: timedelta) -> GateResult:
    pipeline = found.pipeline
    name = f"pipeline {pipeline.id}"
    if pipeline.status is PipelineStatus.SUCCESS:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"{name} succeeded")
    if pipeline.status is PipelineStatus.MANUAL:
        stuck = [job.name for job in found.jobs if not _settled(job)]
        if not stuck:
            waiting = ", ".join(job.name for job in found.jobs if job.status is PipelineStatus.MANUAL)
            return GateResult(
                name=NAME, verdict=Verdict.PASS, reason=f"{name} succeeded up to its manual jobs ({waiting})"
            )
        return _wait(f"{name} waits for {', '.join(stuck)}", waited)
    if not pipeline.status.complete:
        return _wait(f"{name} is {pipeline.status.value}", waited)
    failed = [job.name for job in found.jobs if job.status is PipelineStatus.FAILED and not job.allow_failure]
    which = f" in {', '.join(failed)}" if failed else ""
    verb = {PipelineStatus.FAILED: f"failed{which}", PipelineStatus.CANCELED: "was canceled"}.get(
        pipeline.status, f"is {pipeline.status.value}"
    )
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL,
        reason=f"{name} {verb}: {pipeline.web_url}. Retry it in GitLab once mended, then resume",
        consequence=Consequence.FAIL,
    )


def _settled(job: Job) -> bool:
    """Whether a job of a pipeline that stands at `manual` holds nothing up: done, for a person, or behind such."""
    return job.status in (
        PipelineStatus.SUCCESS,
        PipelineStatus.SKIPPED,
        PipelineStatus.MANUAL,
        PipelineStatus.CREATED,
    ) or (job.status in (PipelineStatus.FAILED, PipelineStatus.CANCELED) and job.allow_failure)


def _wait(reason: str, waited: timedelta) -> GateResult:
    """Ask again after a quarter of the time already waited: soon for quick pipelines, seldom for long ones.

    A pipeline of 75 s costs ten questions, one of an hour some seventy; a hook makes the next one come at once.
    """
    again = min(max(waited / 4, LOOK_AGAIN_FIRST), LOOK_AGAIN_MOST)
    return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason=reason, consequence=Consequence.WAIT, look_again=again)
