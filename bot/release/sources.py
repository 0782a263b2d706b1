"""Which source a release is made from where policy says `auto`. docs/sources.md shows it as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.distributions import Distribution
from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.policy import Source
from bot.domain.releases import UNDECIDED, Attempt
from bot.release.facts import Choice, Facts, Seen, Wanted


class Uploading(StrEnum):
    """Whether jobs of the pipeline publish."""

    ITSELF = "by itself"
    BY_HAND = "by hand"
    NONE = "none"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the decision rests on. `jobs` name those that upload, `keepers` those that leave distributions or, where
    the CI file does not tell, anything at all; `why_unknown` is a sentence where `uploading` cannot be told.
    """

    uploading: Uploading
    jobs: str = ""
    keepers: str = ""
    plays: bool = False
    may_build: bool = False
    why_unknown: str = ""


def choose_source(signs: Signs) -> Choice:
    """The source, and why. Who publishes goes first: two that upload the same release get in each other's way."""
    jobs, keepers = signs.jobs, signs.keepers
    match signs.uploading:
        case Uploading.ITSELF:
            return _choice(Source.PIPELINE, f"{jobs} uploads by itself")
        case Uploading.BY_HAND if signs.plays:
            return _choice(Source.PIPELINE, f"{jobs} uploads once it is played, which policy lets the bot do")
        case Uploading.BY_HAND if keepers:
            return _choice(Source.ARTIFACTS, f"{jobs} uploads only when a person plays it, and {keepers} keeps files")
        case Uploading.BY_HAND:
            return _choice(Source.PIPELINE, f"{jobs} uploads once a person plays it, and no job keeps files")
        case Uploading.NONE if keepers:
            return _choice(Source.ARTIFACTS, f"no job uploads, and {keepers} keeps files")
        case Uploading.NONE if signs.may_build:
            return _choice(Source.BUILD, "no job uploads or keeps files, and policy lets the bot build them")
        case Uploading.NONE:
            return _choice(Source.ARTIFACTS, "no job uploads or keeps files, and the bot may not build them")
        case _ if keepers:
            reason = f"cannot tell whether a job uploads ({signs.why_unknown}), and {keepers} keeps files"
            return _choice(Source.ARTIFACTS, reason)
        case _:
            return _choice(Source.ARTIFACTS, f"cannot tell whether a job uploads ({signs.why_unknown})")


def _choice(source: Source, reason: str) -> Choice:
    return Choice(source=source, reason=f"auto: {reason}")


def asked_for(source: Source) -> str:
    """Why a release has the source that policy says."""
    return UNDECIDED if source is Source.AUTO else f"policy asks for {source.value}"


def source_of(wanted: Wanted, facts: Facts) -> Source:
    """The source as far as it is known; `auto` until somebody has decided."""
    return facts.source.source if facts.source is not None else wanted.source


def begun_with(attempts: Iterable[Attempt], kept: Sequence[Distribution]) -> Choice | None:
    """What our own writes say, should the decision have been lost with a process that was killed.

    `kept` are the files kept for the release: those of a job carry its id, what the bot built itself has none.
    """
    made = tuple(attempts)
    targets = {attempt.target for attempt in made}
    if any(steers(attempt) for attempt in made):
        return Choice(source=Source.PIPELINE, reason="auto: begun by steering the project's pipeline")
    if any(target.startswith("index:") for target in targets):
        if kept and all(file.job_id is None for file in kept):
            return Choice(source=Source.BUILD, reason="auto: begun by uploading what the bot built")
        return Choice(source=Source.ARTIFACTS, reason="auto: begun by uploading what the pipeline's jobs made")
    return None


def steers(attempt: Attempt) -> bool:
    """Whether that was starting a pipeline or playing a job."""
    return attempt.target == "distributions" and (attempt.item == "pipeline" or attempt.item.startswith("job "))


def read_signs(wanted: Wanted, facts: Facts) -> Signs:
    """The signs of one release, from its CI file and, once that stands still, from its pipeline."""
    found = facts.pipeline.value if facts.pipeline else None
    jobs = found.jobs if found is not None and found.pipeline.status.still else None
    planned = facts.planned.value if isinstance(facts.planned, Seen) else None
    uploading, names = _uploading(planned, jobs)
    why = "" if uploading is not Uploading.UNKNOWN else _why_unknown(facts, planned)
    return Signs(
        uploading=uploading,
        jobs=_words(names),
        keepers=_words(_keepers(planned, jobs)),
        plays=wanted.rule.pipeline.play,
        may_build=wanted.may_build,
        why_unknown=why,
    )


def _uploading(planned: PlannedPipeline | None, jobs: tuple[Job, ...] | None) -> tuple[Uploading, list[str]]:
    if planned is None:
        return Uploading.UNKNOWN, []
    uploaders = [job for job in planned.jobs if job.uploads_with]
    if jobs is not None:
        real = [job for job in jobs if any(one.made(job.name) for one in uploaders)]
        by_hand = [job.name for job in real if job.status is PipelineStatus.MANUAL]
        itself = [job.name for job in real if job.status is not PipelineStatus.MANUAL]
    else:
        by_hand = [job.name for job in uploaders if job.start is Start.BY_HAND]
        itself = [job.name for job in uploaders if job.start is Start.ITSELF]
        if not itself and not by_hand and any(job.start is Start.OPEN for job in uploaders):
            return Uploading.UNKNOWN, []
    if itself:
        return Uploading.ITSELF, itself
    if by_hand:
        return Uploading.BY_HAND, by_hand
    return (Uploading.NONE if planned.whole else Uploading.UNKNOWN), []


def _why_unknown(facts: Facts, planned: PlannedPipeline | None) -> str:
    if planned is None:
        return "there is no CI file" if isinstance(facts.planned, Seen) else _unreadable(facts)
    if not planned.whole:
        return "what the CI file includes cannot be read"
    return "the rules of the job that could depend on variables"


def _unreadable(facts: Facts) -> str:
    return getattr(facts.planned, "reason", "nobody looked at the CI file")


def _keepers(planned: PlannedPipeline | None, jobs: tuple[Job, ...] | None) -> list[str]:
    known: list[PlannedJob] = [job for job in planned.jobs if job.keeps] if planned is not None else []
    if jobs is None:
        return [job.name for job in known if job.start is not Start.NEVER]
    left = [job.name for job in jobs if job.has_artifacts]
    return [name for name in left if any(job.made(name) for job in known)] or left


def _words(names: Iterable[str]) -> str:
    listed = ", ".join(dict.fromkeys(names))
    return f"job {listed}" if listed else ""
