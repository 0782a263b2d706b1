"""What a ref's pipeline would run: the audit's reading of CI files, handed to the releases."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.estate import ProjectFacts
from bot.domain.gitlab import Level, UnreadableLevel, Variables
from bot.domain.refs import Project, RefKind
from bot.domain.releases import ReleaseId
from bot.hygiene.reach import Pipeline
from bot.hygiene.starting import NEVER, starts
from bot.ports.ci import CiFile

_ITSELF = frozenset({"on_success", "always", "delayed"})
_ANY_VALUE = Variables(flags=(), unreadable=(UnreadableLevel(Level.PROJECT, "variables are not asked for"),))
_PYPI = frozenset({"pypi", "testpypi"})  # audiences; source: PyPI, Trusted Publishers, "GitLab CI/CD"
_DISTRIBUTIONS = (".whl", ".tar.gz")


@dataclass(frozen=True, slots=True)
class CiPlanner:
    """See bot.ports.ci.Planner. What a rule asks of variables is taken for open: their values are never read."""

    file: CiFile

    def planned(self, project: Project, release: ReleaseId, source: str) -> PlannedPipeline | CiUnknown | None:
        """Every job of the file, and how it starts."""
        ci = self.file.at(project, release.sha)
        if not isinstance(ci, CiFacts):
            return ci
        facts = ProjectFacts(project_id=project.id, full_path=project.full_path, variables=_ANY_VALUE)
        pipeline = Pipeline(
            source=source,
            ref=release.ref,
            tag=release.kind is RefKind.TAG,
            protected=True,  # no other ref is released
            default_branch=project.default_branch or "main",
        )
        return PlannedPipeline(jobs=tuple(_job(facts, ci, job, pipeline) for job in ci.jobs), whole=ci.whole)


def _job(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> PlannedJob:
    return PlannedJob(
        name=job.name,
        start=_start(starts(facts, ci, job, pipeline)),
        uploads_with=job.publisher or _trusted(job),
        keeps=bool(job.artifacts) and (job.builds or any(map(_holds_distributions, job.artifacts))),
        uses=job.uses,
    )


def _trusted(job: CiJob) -> str:
    """What a job uploads with whose script does not say, but which asks for a token that only PyPI takes."""
    audiences = {audience for every in job.id_tokens.values() for audience in every} if job.own_id_tokens else set()
    return "an id token for PyPI" if audiences & _PYPI else ""


def _start(words: frozenset[str]) -> Start:
    if words <= {NEVER}:
        return Start.NEVER
    if words <= _ITSELF:
        return Start.ITSELF
    return Start.BY_HAND if words == {"manual"} else Start.OPEN


def _holds_distributions(path: str) -> bool:
    return "dist" in path.split("/") or path.endswith(_DISTRIBUTIONS)
