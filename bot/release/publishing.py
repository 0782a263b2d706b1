"""Which jobs of a pipeline publish, and how we know."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ci_plan import PlannedPipeline
from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.refs import matches_wildcard
from bot.release.facts import Facts, Look, LookKind, PipelineFacts, Seen, Wanted

# Words by which people name what publishes; asked only where neither policy nor the CI file tells.
WORDS = ("publish", "pypi", "twine", "upload", "release", "deploy")
RAN = frozenset({PipelineStatus.SUCCESS, PipelineStatus.FAILED, PipelineStatus.CANCELED, PipelineStatus.CANCELING})
LEFT = frozenset({PipelineStatus.FAILED, PipelineStatus.CANCELED, PipelineStatus.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishers:
    """The jobs that publish, in order of their ids, and how we know."""

    jobs: tuple[Job, ...]
    why: str

    def of(self, *statuses: PipelineStatus) -> tuple[Job, ...]:
        """Those that stand there."""
        return tuple(job for job in self.jobs if job.status in statuses)

    @property
    def ran(self) -> bool:
        """Whether any of them may have uploaded something."""
        return any(job.status in RAN for job in self.jobs)

    @property
    def done(self) -> bool:
        """Whether all of them succeeded; so it is where none is known, and the indexes have the last word anyway."""
        return all(job.status is PipelineStatus.SUCCESS for job in self.jobs)

    @property
    def names(self) -> str:
        """Their names, for a sentence."""
        return ", ".join(job.name for job in self.jobs) or "no job"


def publishers(wanted: Wanted, facts: Facts, found: PipelineFacts) -> Publishers | Look:
    """Policy's word, else the CI file's, else a name or stage that says it."""
    jobs = tuple(sorted(found.jobs, key=lambda job: job.id))
    pattern = wanted.rule.pipeline.job
    if pattern is not None:
        named = tuple(job for job in jobs if matches_wildcard(pattern, job.name))
        return Publishers(jobs=named, why=f"policy names {pattern}")
    if facts.planned is None:
        return Look(LookKind.CI_FILE)
    planned = facts.planned.value if isinstance(facts.planned, Seen) else None
    by_file = _by_file(planned, jobs)
    if by_file.jobs:
        return by_file
    said = tuple(job for job in jobs if any(word in f"{job.name} {job.stage}".lower() for word in WORDS))
    if said:
        return Publishers(jobs=said, why="its name or stage says so, and nothing else tells")
    return Publishers(jobs=(), why="neither policy nor the CI file nor any job's name tells")


def names_used(wanted: Wanted, planned: PlannedPipeline) -> frozenset[str]:
    """The variables that jobs read which publish, by policy's word or the CI file's."""
    pattern = wanted.rule.pipeline.job
    jobs = (
        job for job in planned.jobs if job.uploads_with or (pattern is not None and matches_wildcard(pattern, job.name))
    )
    return frozenset(name for job in jobs for name in job.uses)


def _by_file(planned: PlannedPipeline | None, jobs: tuple[Job, ...]) -> Publishers:
    found: list[Job] = []
    tools: list[str] = []
    for job in jobs:
        one = next((one for one in planned.jobs if one.uploads_with and one.made(job.name)), None) if planned else None
        if one is not None:
            found.append(job)
            tools.append(one.uploads_with)
    return Publishers(jobs=tuple(found), why=f"the CI file says that it uploads with {', '.join(dict.fromkeys(tools))}")
