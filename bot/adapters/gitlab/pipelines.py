"""Pipelines, jobs, artifacts. Source: lib/api/ci/pipelines.rb, lib/api/ci/jobs.rb, lib/api/ci/job_artifacts.rb."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.adapters.gitlab.downloads import Downloads
from bot.domain.gitlab import Job, Pipeline, PipelineStatus


class GitLabPipelines:
    """See bot.ports.gitlab.Pipelines."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._api = api
        self._downloads = Downloads(api, scratch)

    def pipelines(self, project_id: int, *, sha: str, ref: str) -> tuple[Pipeline, ...]:
        """Pipelines of that commit and ref, newest first."""
        rows = self._api.pages(f"/projects/{project_id}/pipelines", sha=sha, ref=ref, order_by="id", sort="desc")
        return tuple(self._api.read(pipeline_of, row) for row in rows)

    def jobs(self, project_id: int, pipeline_id: int) -> tuple[Job, ...]:
        """Jobs of a pipeline, without retried ones."""
        rows = self._api.pages(f"/projects/{project_id}/pipelines/{pipeline_id}/jobs", include_retried=False)
        ahead = self._api.ahead()
        return tuple(self._api.read(lambda one: job_of(one, ahead), row) for row in rows)

    def artifacts(self, project_id: int, job_id: int) -> Path | None:
        """The artifacts archive of one job, see `Downloads`."""
        return self._downloads.fetch(f"/projects/{project_id}/jobs/{job_id}/artifacts", suffix=".zip")


def _status(word: object) -> PipelineStatus:
    try:
        return PipelineStatus(str(word))
    except ValueError:
        return PipelineStatus.OTHER


def pipeline_of(row: Json) -> Pipeline:
    """A pipeline from its JSON."""
    return Pipeline(
        id=int(row["id"]),
        ref=str(row["ref"]),
        sha=str(row["sha"]),
        source=str(row.get("source", "")),
        status=_status(row["status"]),
        web_url=str(row.get("web_url", "")),
    )


def job_of(row: Json, ahead: timedelta) -> Job:
    """A job from its JSON; `ahead` is by how much our clock is ahead of GitLab's."""
    finished, expires = parse_time(row.get("finished_at")), parse_time(row.get("artifacts_expire_at"))
    archives = [a for a in row.get("artifacts") or () if a.get("file_type") == "archive"]
    return Job(
        id=int(row["id"]),
        name=str(row["name"]),
        stage=str(row.get("stage", "")),
        status=_status(row["status"]),
        allow_failure=bool(row.get("allow_failure", False)),
        has_artifacts=bool(archives or row.get("artifacts_file")),
        artifacts_expire_at=None if expires is None else expires + ahead,
        web_url=str(row.get("web_url", "")),
        failure_reason=str(row.get("failure_reason") or ""),
        finished_at=None if finished is None else finished + ahead,
    )
