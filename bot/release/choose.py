"""Which pipeline and which of its artifacts belong to a release."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain.gitlab import Job, Pipeline, PipelineStatus

# A merge request's pipeline runs on a merge commit of nobody's release, a child's belongs to its parent, a scheduled
# one need not run the release's jobs.
FOREIGN_SOURCES = frozenset({"merge_request_event", "external_pull_request_event", "parent_pipeline", "schedule"})


def choose_pipeline(pipelines: Iterable[Pipeline], *, ref: str, sha: str) -> Pipeline | None:
    """The newest pipeline of exactly that commit and ref that could be the release's, or None.

    One commit can carry many tags, and a developer's pipeline on an unprotected branch has the same commit: both the
    commit and the ref must match.
    """
    fit = [p for p in pipelines if p.sha == sha and p.ref == ref and p.source not in FOREIGN_SOURCES]
    return max(fit, key=lambda pipeline: pipeline.id, default=None)


def jobs_with_files(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """The jobs whose artifacts count: those that succeeded and left an archive, in order of their ids."""
    fit = [job for job in jobs if job.status is PipelineStatus.SUCCESS and job.has_artifacts]
    return tuple(sorted(fit, key=lambda job: job.id))


def expired_jobs(jobs: Iterable[Job], now: datetime) -> tuple[Job, ...]:
    """The jobs that succeeded and whose artifacts are gone because their time was up, in order of their ids."""
    fit = [
        job
        for job in jobs
        if job.status is PipelineStatus.SUCCESS
        and not job.has_artifacts
        and job.artifacts_expire_at is not None
        and job.artifacts_expire_at <= now
    ]
    return tuple(sorted(fit, key=lambda job: job.id))
