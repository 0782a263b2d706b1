"""The distributions of a release whose own pipeline publishes: start it, play its job, and see what came of that."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.releases import AttemptOutcome, TargetState, TargetStatus
from bot.release.actions import PlayJob, StartPipeline
from bot.release.facts import Facts, Look, LookKind, PipelineFacts, Seen, Wanted
from bot.release.identity import identity, of_version
from bot.release.publishing import LEFT, Publishers, publishers
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment

NAME = "distributions"
# A server goes on with what it was asked for when the client is gone: creating a pipeline may take it this long.
SETTLING = timedelta(minutes=2)
_UNSEEN = (AttemptOutcome.ACCEPTED, AttemptOutcome.UNCLEAR)


def assess(wanted: Wanted, facts: Facts) -> Assessment | Look:
    """Done once the jobs that publish succeeded, or all stands on the indexes already."""
    if facts.pipeline is None:
        return Look(LookKind.PIPELINE)
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        problems = ". ".join(problem.rstrip(".") for problem in facts.files.value.problems)
        return _failed(facts, f"what the pipeline's jobs left cannot be what they upload: {problems}")
    found = facts.pipeline.value
    if found is None:
        return _unstarted(wanted, facts)
    who = publishers(wanted, facts, found)
    if isinstance(who, Look):
        return who
    if not who.jobs and wanted.rule.pipeline.job is not None:
        names = ", ".join(job.name for job in found.jobs)
        return _failed(facts, f"no job of pipeline {found.pipeline.id} is called {wanted.rule.pipeline.job} ({names})")
    manual = who.of(PipelineStatus.MANUAL)
    if not manual and not who.of(*LEFT):
        return _done(facts, _told(found, who))
    everywhere = standing_everywhere(wanted, facts)
    if isinstance(everywhere, Look):
        return everywhere
    if manual:
        return (
            _done(facts, f"on every index already, so nobody plays {who.names}")
            if everywhere
            else _play(wanted, facts, manual)
        )
    lost = "; ".join(_lost(job) for job in who.of(*LEFT))
    if everywhere and not facts.bare:
        return _done(facts, f"{lost}; yet every file stands on every index")
    return _failed(facts, f"{lost}. Retry it in GitLab, then resume")


def _told(found: PipelineFacts, who: Publishers) -> str:
    if not who.jobs:
        return f"pipeline {found.pipeline.id} is over; {who.why} which of its jobs publishes, so the indexes tell"
    return f"{who.names} of pipeline {found.pipeline.id} uploaded them ({who.why})"


def _lost(job: Job) -> str:
    verb = {PipelineStatus.CANCELED: "was canceled", PipelineStatus.SKIPPED: "was skipped"}.get(job.status, "failed")
    why = f" ({job.failure_reason})" if job.failure_reason else ""
    return f"job {job.name} {verb}{why}: {job.web_url}"


def standing_everywhere(wanted: Wanted, facts: Facts) -> bool | Look:
    """Whether every index has all of our files or, where the pipeline kept none, any of the release's version."""
    everywhere = True
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if seen is None:
            return Look(LookKind.NAMES) if facts.bare and facts.names is None else Look(LookKind.INDEX, index=spec.name)
        metadata = identity(wanted, facts)
        if not isinstance(seen, Seen) or metadata is None:
            everywhere = False
        elif facts.bare:
            everywhere = everywhere and bool(of_version(metadata, seen.value))
        else:
            files = facts.files.value.files if facts.files else ()
            everywhere = everywhere and all(seen.value.lists(file) is not None for file in files)
    return everywhere


def _unstarted(wanted: Wanted, facts: Facts) -> Assessment | Look:
    everywhere = standing_everywhere(wanted, facts)
    if isinstance(everywhere, Look):
        return everywhere
    if everywhere:
        return _done(facts, "on every index already, so no pipeline is started")
    if facts.public:
        return _done(facts, "the pipeline that uploaded them is gone")
    head = facts.ref.value if facts.ref else None
    if head is not None and head.sha != wanted.id.sha:
        now = f"{wanted.id.ref} is at {head.sha[:8]} by now"
        return _failed(facts, f"{now}, and GitLab starts pipelines for a branch's newest commit only")
    action = StartPipeline(ref=wanted.id.ref, sha=wanted.id.sha, inputs=wanted.rule.pipeline.inputs)
    return _try(wanted, facts, (action,), "the pipeline is not listed yet")


def _play(wanted: Wanted, facts: Facts, manual: tuple[Job, ...]) -> Assessment:
    actions = tuple(PlayJob(job_id=job.id, name=job.name) for job in manual)
    return _try(wanted, facts, actions, f"{manual[0].name} was played and still waits")


def _try(wanted: Wanted, facts: Facts, actions: tuple[StartPipeline | PlayJob, ...], unseen: str) -> Assessment:
    """The next of these, unless the last try at it may still come to something."""
    tries = facts.tries(NAME, actions[0].item)
    last = tries[-1] if tries else None
    if last is not None and last.outcome in _UNSEEN and facts.now - last.at < SETTLING:
        reason = last.reason or unseen
        return Assessment(status=_status(facts, TargetState.PENDING, reason), again=timedelta(seconds=5))
    step = next_try(tries, asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp):
        return _failed(facts, step.reason)
    if isinstance(step, Later):
        return Assessment(status=_status(facts, TargetState.PENDING, step.reason), again=step.delay)
    return Assessment(status=_status(facts, TargetState.PENDING, f"to do: {actions[0].words}"), actions=actions)


def _done(facts: Facts, reason: str) -> Assessment:
    return Assessment(status=_status(facts, TargetState.DONE, reason))


def _failed(facts: Facts, reason: str) -> Assessment:
    return Assessment(status=_status(facts, TargetState.FAILED, reason))


def _status(facts: Facts, state: TargetState, reason: str) -> TargetStatus:
    attempts = sum(attempt.target == NAME for attempt in facts.attempts)
    return TargetStatus(name=NAME, state=state, reason=reason, attempts=attempts)
