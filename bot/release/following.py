"""How far a pipeline is that publishes by itself, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.verdicts import Consequence, Verdict
from bot.release.facts import Facts, Look, PipelineFacts, Wanted
from bot.release.publishing import Publishers, publishers
from bot.release.sources import steers

_SETTLED = (PipelineStatus.SUCCESS, PipelineStatus.SKIPPED, PipelineStatus.MANUAL, PipelineStatus.CREATED)
_PERSON = "a person:"
_TOLERATED = (PipelineStatus.FAILED, PipelineStatus.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What is to be said of it. `wait` says that nothing can be done about it now, `person` that a person can."""

    verdict: Verdict
    reason: str
    consequence: Consequence = Consequence.NONE
    wait: bool = False
    person: bool = False


def settled(job: Job) -> bool:
    """Whether a job of a pipeline that stands at `manual` holds nothing up: done, for a person, or behind such."""
    return job.status in _SETTLED or (job.status in _TOLERATED and job.allow_failure)


def failure(found: PipelineFacts) -> str:
    """What became of a pipeline that did not succeed, with its page; without the full stop."""
    pipeline = found.pipeline
    failed = [job.name for job in found.jobs if job.status is PipelineStatus.FAILED and not job.allow_failure]
    which = f" in {', '.join(failed)}" if failed else ""
    verb = {PipelineStatus.FAILED: f"failed{which}", PipelineStatus.CANCELED: "was canceled"}.get(
        pipeline.status, f"is {pipeline.status.value}"
    )
    return f"pipeline {pipeline.id} {verb}: {pipeline.web_url}"


def since_steered(wanted: Wanted, facts: Facts) -> timedelta:
    """How long the release waits: since it was asked for, or since we started its pipeline or played a job of it."""
    moments = [attempt.at for attempt in facts.attempts if steers(attempt)]
    return facts.now - max([wanted.asked, *moments])


def follow(wanted: Wanted, facts: Facts, found: PipelineFacts | None) -> Following | Look:
    """Where the pipeline of a release stands, which nothing moves on by itself now, or which is not there.

    It passes where it went well up to the jobs that publish: whether they did, and what came of it, is for the targets.
    """
    if found is None:
        return _none(wanted, facts)
    who = publishers(wanted, facts, found)
    if isinstance(who, Look):
        return who
    name = f"pipeline {found.pipeline.id}"
    waiting = _waiting(wanted, found, who)
    if waiting:
        person = waiting.startswith(_PERSON)
        return Following(verdict=Verdict.UNKNOWN, reason=f"{name} waits for {waiting}", wait=True, person=person)
    if found.pipeline.status is PipelineStatus.SUCCESS or found.pipeline.status is PipelineStatus.MANUAL:
        played = _names(who.of(PipelineStatus.MANUAL))
        words = f"succeeded up to {played}, which the bot plays" if played else "succeeded"
        if not played and found.pipeline.status is PipelineStatus.MANUAL:
            others = _names(job for job in found.jobs if job.status is PipelineStatus.MANUAL)
            words = f"succeeded up to its manual jobs ({others})"
        return Following(verdict=Verdict.PASS, reason=f"{name} {words}")
    if who.ran:
        reason = f"{failure(found)}. Before that {who.names} had run: what it uploaded is looked at"
        return Following(verdict=Verdict.FAIL, reason=reason)
    reason = f"{failure(found)}. Retry it in GitLab once mended, then resume"
    return Following(verdict=Verdict.FAIL, reason=reason, consequence=Consequence.FAIL)


def _none(wanted: Wanted, facts: Facts) -> Following:
    here = f"{wanted.id.ref} at {wanted.id.sha[:8]}"
    if facts.public:
        reason = f"there is no pipeline for {here} any more; what it uploaded is looked at"
        return Following(verdict=Verdict.NOT_APPLICABLE, reason=reason)
    if wanted.rule.pipeline.start:
        return Following(verdict=Verdict.NOT_APPLICABLE, reason=f"there is no pipeline for {here}: the bot starts one")
    reason = (
        f"there is no pipeline for {here} (GitLab creates none after the fourth ref of one push, or when rules leave "
        "no job): run one, then resume; with releases[].pipeline.start the bot does"
    )
    return Following(verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)


def _waiting(wanted: Wanted, found: PipelineFacts, who: Publishers) -> str:
    """Who or what is waited for, empty if nothing: a job at work, or the person who plays one."""
    ours = {job.id for job in who.jobs}
    others = [job for job in found.jobs if job.id not in ours]
    hands = who.of(PipelineStatus.MANUAL)
    blocking = [job for job in others if job.status is PipelineStatus.MANUAL]
    behind = who.of(PipelineStatus.CREATED)
    busy = [job for job in who.jobs if not job.status.still and job.status is not PipelineStatus.CREATED]
    if busy:
        return _names(busy)
    if found.pipeline.status is PipelineStatus.MANUAL and (stuck := [job for job in others if not settled(job)]):
        return _names(stuck)
    if hands and not wanted.rule.pipeline.play and not found.pipeline.status.failed:
        return f"{_PERSON} play {_pages(hands)}; with releases[].pipeline.play the bot does"
    if behind and not hands and blocking:
        return f"{_PERSON} play {_pages(blocking)}, behind which {_names(behind)} runs"
    return ""


def _names(jobs: Iterable[Job]) -> str:
    return ", ".join(job.name for job in jobs)


def _pages(jobs: Iterable[Job]) -> str:
    return ", ".join(f"{job.name} ({job.web_url})" for job in jobs)
