"""Pipelines, jobs, artifacts. Source: lib/api/ci/pipelines.rb, lib/api/ci/jobs.rb, lib/api/ci/job_artifacts.rb."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import TIMEOUT, Api, Json
from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Job, Pipeline, PipelineStatus

MOST_HOPS = 3
MOST_ARCHIVE = 4 * 1024**3
DOWNLOAD_DEADLINE = 900.0  # seconds for one archive
CHUNK = 256 * 1024


class GitLabPipelines:
    """See bot.ports.gitlab.Pipelines."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._api = api
        self._scratch = scratch

    def pipelines(self, project_id: int, *, sha: str, ref: str) -> tuple[Pipeline, ...]:
        """Pipelines of that commit and ref, newest first."""
        rows = self._api.pages(f"/projects/{project_id}/pipelines", sha=sha, ref=ref, order_by="id", sort="desc")
        return tuple(map(_pipeline, rows))

    def jobs(self, project_id: int, pipeline_id: int) -> tuple[Job, ...]:
        """Jobs of a pipeline, without retried ones."""
        rows = self._api.pages(f"/projects/{project_id}/pipelines/{pipeline_id}/jobs", include_retried=False)
        return tuple(map(_job, rows))

    def artifacts(self, project_id: int, job_id: int) -> Path | None:
        """Follow at most three hops ourselves; the token goes to GitLab only, never to an object storage."""
        session, credentials = self._api.download_session()
        url = f"{self._api.url}/api/v4/projects/{project_id}/jobs/{job_id}/artifacts"
        what = f"GET /projects/{project_id}/jobs/{job_id}/artifacts"
        with session:
            for hop in range(MOST_HOPS + 1):
                try:
                    response = session.get(
                        url,
                        headers=credentials if hop == 0 else {},
                        allow_redirects=False,
                        stream=True,
                        timeout=TIMEOUT,
                    )
                    with response:
                        if response.status_code in (301, 302, 303, 307, 308):
                            url = self._next_hop(url, response.headers.get("Location", ""), what)
                            continue
                        if response.status_code in (404, 410):
                            return None
                        if response.status_code != 200:
                            said, after = "", response.headers.get("Retry-After")
                            raise self._api.refused(response.status_code, said, what, after)
                        return self._save(response, what)
                except requests.RequestException as error:
                    raise self._api.unreachable(error) from None
        raise RefusedError(what=f"more than {MOST_HOPS} redirects for {what}", where=self._api.where)

    def _next_hop(self, url: str, location: str, what: str) -> str:
        """Where a redirect leads: to https, or to whatever scheme GitLab itself is spoken to with."""
        target = urljoin(url, location)
        parts = urlsplit(target)
        if not location or parts.scheme not in {"https", urlsplit(self._api.url).scheme} or parts.username:
            raise RefusedError(what=f"{what} redirects to an address that is not followed", where=self._api.where)
        return target

    def _save(self, response: requests.Response, what: str) -> Path:
        until = time.monotonic() + DOWNLOAD_DEADLINE
        expected = response.headers.get("Content-Length", "")
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="artifacts-", suffix=".zip", delete=False) as file:
            path = Path(file.name)
            size = 0
            try:
                for chunk in response.iter_content(CHUNK):
                    size += file.write(chunk)
                    if size > MOST_ARCHIVE:
                        raise RefusedError(what=f"{what} is larger than {MOST_ARCHIVE} bytes", where=self._api.where)
                    if time.monotonic() > until:
                        raise TransientError(what=f"{what} took too long", where=self._api.where)
                if expected.isdigit() and "Content-Encoding" not in response.headers and size != int(expected):
                    raise TransientError(
                        what=f"{what} broke off after {size} of {expected} bytes", where=self._api.where
                    )
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path


def _status(word: object) -> PipelineStatus:
    try:
        return PipelineStatus(str(word))
    except ValueError:
        return PipelineStatus.OTHER


def _pipeline(row: Json) -> Pipeline:
    return Pipeline(
        id=int(row["id"]),
        ref=str(row["ref"]),
        sha=str(row["sha"]),
        source=str(row.get("source", "")),
        status=_status(row["status"]),
        web_url=str(row.get("web_url", "")),
    )


def _job(row: Json) -> Job:
    archives = [a for a in row.get("artifacts") or () if a.get("file_type") == "archive"]
    return Job(
        id=int(row["id"]),
        name=str(row["name"]),
        stage=str(row.get("stage", "")),
        status=_status(row["status"]),
        allow_failure=bool(row.get("allow_failure", False)),
        has_artifacts=bool(archives or row.get("artifacts_file")),
        artifacts_expire_at=parse_time(row.get("artifacts_expire_at")),
        web_url=str(row.get("web_url", "")),
        failure_reason=str(row.get("failure_reason") or ""),
    )
