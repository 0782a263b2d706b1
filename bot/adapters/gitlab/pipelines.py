"""Pipelines, jobs, artifacts. Source: lib/api/ci/pipelines.rb, lib/api/ci/jobs.rb, lib/api/ci/job_artifacts.rb."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bot.adapters.gitlab.answers import host, parse_time, redirect_target
from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Job, Pipeline, PipelineStatus

MOST_HOPS = 3
CHUNK = 256 * 1024


class GitLabPipelines:
    """See bot.ports.gitlab.Pipelines."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._api = api
        self._scratch = scratch

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
        """Follow at most three hops ourselves; the token goes to GitLab only, never to an object storage."""
        session, credentials = self._api.download_session()
        url = f"{self._api.url}/api/v4/projects/{project_id}/jobs/{job_id}/artifacts"
        what = f"GET /projects/{project_id}/jobs/{job_id}/artifacts"
        with session:
            for hop in range(MOST_HOPS + 1):
                try:
                    with self._hop(session, url, credentials if hop == 0 else None) as response:
                        if response.status_code in (301, 302, 303, 307, 308):
                            url = self._next_hop(url, response.headers.get("Location", ""), what)
                            continue
                        if response.status_code in (404, 410):
                            return None
                        if response.status_code != 200:
                            raise self._not_given(response, hop, url, what)
                        return self._save(response, what)
                except requests.RequestException as error:
                    raise self._api.unreachable(error, host(url)) from None
                except OSError as error:
                    raise TransientError(
                        what=f"cannot be written: {error.strerror}", where=str(self._scratch)
                    ) from None
        raise RefusedError(what=f"more than {MOST_HOPS} redirects for {what}", where=self._api.where)

    def _hop(self, session: requests.Session, url: str, credentials: dict[str, str] | None) -> requests.Response:
        """One request of a download, its body unread; with credentials it is one to GitLab, and the budget is asked."""
        get = partial(
            session.get, url, allow_redirects=False, stream=True, timeout=self._api.limits.silence, headers=credentials
        )
        if credentials is None:
            return get()
        ticket = self._api.ask("get", url.removeprefix(f"{self._api.url}/api/v4"))
        answer = None
        try:
            response = get()
            answer = self._api.answer(response)
        finally:
            self._api.budget.settle(ticket, answer)
        return response

    def _next_hop(self, url: str, location: str, what: str) -> str:
        """Where a redirect leads: to https, or to whatever scheme GitLab itself is spoken to with."""
        target = redirect_target(url, location)
        if target is not None:
            parts = urlsplit(target)
            if parts.scheme in {"https", urlsplit(self._api.url).scheme} and "@" not in parts.netloc:
                return target
        raise RefusedError(what=f"{what} redirects to an address that is not followed", where=self._api.where)

    def _not_given(self, response: requests.Response, hop: int, url: str, what: str) -> RefusedError | TransientError:
        """A storage's refusal says nothing of our token: its signed address expired, and GitLab makes a new one."""
        status = response.status_code
        if hop == 0:
            return self._api.refused(status, "", what, response.headers.get("Retry-After"))
        return TransientError(what=f"the storage that {what} redirects to answers {status}", where=host(url))

    def _save(self, response: requests.Response, what: str) -> Path:
        most = self._api.limits.download_bytes
        expected = response.headers.get("Content-Length", "")
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="artifacts-", suffix=".zip", delete=False) as file:
            path = Path(file.name)
            size = 0
            try:
                for chunk in response.iter_content(CHUNK):
                    size += file.write(chunk)
                    if size > most:
                        raise RefusedError(what=f"{what} is larger than {most} bytes", where=self._api.where)
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
