"""The distributions among the artifacts of a pipeline's jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.ci_plan import PlannedJob
from bot.domain.distributions import Distribution
from bot.domain.gitlab import Job
from bot.domain.releases import ReleaseId
from bot.ports.gitlab import Pipelines
from bot.ports.index import Distributions, Gathered
from bot.ports.store import Kept
from bot.release.choose import jobs_with_files
from bot.release.facts import PipelineFacts

NOTHING = "no successful job of the pipeline left artifacts: declare artifacts: paths: [dist/] in the build job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """Reads them, and keeps what it read."""

    pipelines: Pipelines
    distributions: Distributions
    kept: Kept

    def gather(self, project_id: int, jobs: tuple[Job, ...]) -> Gathered:
        """All that these jobs left; each archive is downloaded, read and deleted."""
        if not jobs:
            return Gathered(files=(), problems=(NOTHING,))
        archives = []
        problems = []
        try:
            for job in jobs:
                archive = self.pipelines.artifacts(project_id, job.id)
                if archive is None:
                    problems.append(_gone(job))
                else:
                    archives.append((job.id, job.name, archive))
            if problems:
                return Gathered(files=(), problems=tuple(problems), again=True)
            return self.distributions.gather(archives)
        finally:
            for _, _, archive in archives:
                archive.unlink(missing_ok=True)

    def left(self, release: ReleaseId, found: PipelineFacts | None, kept: tuple[Distribution, ...]) -> Gathered:
        """What a pipeline that publishes by itself left; nothing is no problem.

        What was read of these very jobs before is read again only where a newer job left something.
        """
        if found is None:
            return Gathered(files=kept, left_out=None)
        jobs = jobs_with_files(found.jobs)
        newest = max((job.id for job in jobs), default=0)
        same_jobs = {file.job_id for file in kept} <= {job.id for job in found.jobs}
        if kept and same_jobs and newest <= max(file.job_id or 0 for file in kept):
            return Gathered(files=kept, left_out=None)
        gathered = self.gather(release.project_id, jobs) if jobs else Gathered(files=())
        if gathered.empty or gathered.again:  # neither is needed for what the indexes themselves will tell
            return Gathered(files=())
        if not gathered.problems:
            self.kept.keep(release.key, gathered.files)
        return gathered


def _gone(job: Job) -> str:
    """GitLab lists the artifacts and does not give them: expired and not yet cleared away, or deleted."""
    kept = f" (kept until {job.artifacts_expire_at:%Y-%m-%d %H:%M} UTC)" if job.artifacts_expire_at else ""
    return f"the artifacts of job {job.id} ({job.name}) are gone{kept}: run the job again, then resume"


def lost(expired: Iterable[Job], keepers: Iterable[PlannedJob] | None) -> tuple[str, ...]:
    """A sentence for each job whose expired artifacts a release lacks: those that left distributions, by the CI file;
    where it does not tell (`keepers` is None), any of them may have.
    """
    known = None if keepers is None else tuple(keepers)
    return tuple(
        f"the artifacts of job {job.id} ({job.name}) expired on {job.artifacts_expire_at:%Y-%m-%d}: run the job again "
        f"({job.web_url}), then resume; a longer artifacts: expire_in prevents it"
        for job in expired
        if known is None or any(keeper.made(job.name) for keeper in known)
    )
