"""Artifacts of jobs. Source: lib/api/ci/job_artifacts.rb, lib/gitlab/ci/build/artifacts/path.rb."""

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bot.sandbox.answers import Answer, Json, message, not_found
from bot.sandbox.ci.model import COMPLETED, Job
from bot.sandbox.rest.call import Call, no_content, ok
from bot.sandbox.rest.downloads import send_file
from bot.sandbox.rest.jobs import job_of, show_job
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipelines import check_may_change, reader
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()


def _zip(call: Call, one: Job) -> Path:
    """The job's archive. Raises: RefusalError (404) when there is none, or it has expired."""
    path = call.pipelines.artifacts_path(one)
    if path is None:
        raise not_found()
    return path


def _archive(call: Call, one: Job) -> Answer:
    return send_file(call, _zip(call, one), "artifacts.zip", "application/zip")


def _member(call: Call, one: Job) -> Answer:
    """One file; a path that climbs is a 400."""
    name, path = call.arguments["artifact_path"], _zip(call, one)
    if ".." in PurePosixPath(name).parts or name.startswith("/") or "\0" in name:
        raise message(400, "400 Bad request")
    with zipfile.ZipFile(path) as archive:
        try:
            data = archive.read(name)
        except KeyError:
            raise not_found() from None
    return Answer(content=data, media_type="application/octet-stream")


def _entries(path: Path, folder: str, *, recursive: bool) -> Iterator[Json]:
    """Files and folders directly below `folder`, or at any depth; folders first, then by name."""
    start = f"{folder.strip('/')}/" if folder.strip("/") else ""
    found: dict[str, Json] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.startswith(start):
                continue
            parts = info.filename[len(start) :].split("/")
            for depth in range(1, len(parts)):
                where = start + "/".join(parts[:depth])
                found.setdefault(where, {"name": parts[depth - 1], "path": where, "type": "directory"})
            where = info.filename
            mode = f"{(info.external_attr >> 16) or 0o100644:o}"
            found[where] = {"name": parts[-1], "path": where, "type": "file", "size": info.file_size, "mode": mode}
    rows = [row for where, row in found.items() if recursive or "/" not in where[len(start) :]]
    yield from sorted(rows, key=lambda row: (row["type"] != "directory", str(row["path"])))


@ROUTES.get("/projects/:id/jobs/:job_id/artifacts/tree", job_token=True)
def artifact_tree(call: Call) -> Answer:
    """What the archive holds, below `path`; all of it with `recursive`."""
    project = reader(call)
    path, folder = _zip(call, job_of(call, project)), call.params.text("path") or ""
    rows = list(_entries(path, folder, recursive=call.params.flag("recursive")))
    if folder.strip("/") and not rows:
        raise not_found()
    return paged(call, rows, lambda row: row)


@ROUTES.delete("/projects/:id/jobs/:job_id/artifacts")
def delete_artifacts(call: Call) -> Answer:
    """Drop a job's artifacts; Maintainer."""
    project = call.project(Level.MAINTAINER)
    call.pipelines.drop_artifacts(job_of(call, project))
    return no_content()


@ROUTES.delete("/projects/:id/artifacts")
def delete_all_artifacts(call: Call) -> Answer:
    """Drop the artifacts of every finished job; GitLab answers 202 for the work it schedules."""
    project = call.project(Level.MAINTAINER)
    for job in call.pipelines.project_jobs(project.id):
        if job.status in COMPLETED:
            call.pipelines.drop_artifacts(job)
    return Answer(status=202, body={"message": "202 Accepted"})


def _last_successful(call: Call, project: Project) -> Job:
    """The job called `job` in the latest successful pipeline of the ref: not of a commit."""
    name, ref = call.params.needed("job"), call.arguments["ref_name"]
    for pipe in call.pipelines.pipelines(project.id):
        if pipe.ref == ref and pipe.status == "success":
            for one in call.pipelines.jobs(pipe.id):
                if one.name == name:
                    return one
            break
    raise not_found()


@ROUTES.get("/projects/:id/jobs/:job_id/artifacts", job_token=True)
def artifacts(call: Call) -> Answer:
    """The zip of a job's artifacts."""
    project = reader(call)
    return _archive(call, job_of(call, project))


@ROUTES.get("/projects/:id/jobs/:job_id/artifacts/*artifact_path", job_token=True)
def artifact_file(call: Call) -> Answer:
    """One file of the artifacts."""
    project = reader(call)
    return _member(call, job_of(call, project))


@ROUTES.get("/projects/:id/jobs/artifacts/:ref_name/download", job_token=True)
def ref_artifacts(call: Call) -> Answer:
    """The zip of the named job in the ref's latest successful pipeline."""
    project = reader(call)
    return _archive(call, _last_successful(call, project))


@ROUTES.get("/projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path", job_token=True)
def ref_artifact_file(call: Call) -> Answer:
    """One file of the same."""
    project = reader(call)
    return _member(call, _last_successful(call, project))


@ROUTES.post("/projects/:id/jobs/:job_id/artifacts/keep")
def keep_artifacts(call: Call) -> Answer:
    """Artifacts that never expire."""
    project = call.project(Level.DEVELOPER)
    one = job_of(call, project)
    check_may_change(call, project, one)
    _zip(call, one)
    one.artifacts_expire_at = None
    return ok(show_job(call, project, one))
