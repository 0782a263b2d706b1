"""Jobs, their traces and artifacts. Source: lib/api/ci/{jobs,job_artifacts}.rb."""

import zipfile

from bot.sandbox.answers import Answer, Json, bad_request, forbidden, not_found
from bot.sandbox.ci.model import CiError, Job
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipelines import pipeline_of, reader
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()


def _show(call: Call, project: Project, one: Job) -> Json:
    pipe = call.pipelines.pipeline(project.id, one.pipeline_id)
    if pipe is None:
        raise not_found()
    return ci.job(call.world, project, pipe, one)


def _job(call: Call, project: Project) -> Job:
    one = call.pipelines.job(project.id, call.number("job_id"))
    if one is None:
        raise not_found()
    return one


def _in_scope(call: Call, jobs: list[Job]) -> list[Job]:
    scope = set(call.params.texts("scope"))
    return [one for one in jobs if not scope or one.status in scope]


@ROUTES.get("/projects/:id/pipelines/:pipeline_id/jobs", job_token=True)
def pipeline_jobs(call: Call) -> Answer:
    """Jobs of a pipeline, newest first; retried ones with `include_retried`. Trigger jobs are listed apart."""
    project = reader(call)
    pipe = pipeline_of(call, project)
    rows = call.pipelines.jobs(pipe.id, include_retried=call.params.flag("include_retried"))
    rows = sorted(_in_scope(call, rows), key=lambda one: -one.id)
    return paged(call, rows, lambda one: ci.job(call.world, project, pipe, one))


@ROUTES.get("/projects/:id/pipelines/:pipeline_id/bridges")
def bridges(call: Call) -> Answer:
    """Trigger jobs: the runner has none."""
    pipeline_of(call, reader(call))
    rows: list[Json] = []
    return paged(call, rows, lambda row: row)


@ROUTES.get("/projects/:id/pipelines/:pipeline_id/trigger_jobs")
def trigger_jobs(call: Call) -> Answer:
    """The newer name of `bridges`."""
    return bridges(call)


@ROUTES.get("/projects/:id/jobs", job_token=True)
def list_jobs(call: Call) -> Answer:
    """Jobs of the project, newest first; GitLab never counts them."""
    project = reader(call)
    rows = _in_scope(call, call.pipelines.project_jobs(project.id))
    return paged(call, rows, lambda one: _show(call, project, one), totals=False)


@ROUTES.get("/projects/:id/jobs/:job_id", job_token=True)
def get_job(call: Call) -> Answer:
    """One job."""
    project = reader(call)
    return ok(_show(call, project, _job(call, project)))


@ROUTES.get("/projects/:id/jobs/:job_id/trace")
def trace(call: Call) -> Answer:
    """The job's log so far."""
    project = reader(call)
    return Answer(content=call.pipelines.trace(_job(call, project)), media_type="text/plain")


@ROUTES.post("/projects/:id/jobs/:job_id/play")
def play(call: Call) -> Answer:
    """Start a manual job. On a protected ref it needs the rights of that ref's pipelines."""
    project = call.project(Level.DEVELOPER)
    one = _job(call, project)
    variables = [
        {"key": row.needed("key"), "value": row.text("value") or ""}
        for row in call.params.rows("job_variables_attributes")
    ]
    try:
        played = call.pipelines.play(one, variables, user_id=call.user().id)
    except CiError as error:
        raise bad_request(", ".join(error.messages)) from None
    return ok(_show(call, project, played))


@ROUTES.post("/projects/:id/jobs/:job_id/retry")
def retry(call: Call) -> Answer:
    """Run a finished job again: a new job with a new id."""
    project = call.project(Level.DEVELOPER)
    try:
        fresh = call.pipelines.retry(_job(call, project), user_id=call.user().id)
    except CiError:
        raise forbidden("Job is not retryable") from None
    return created(_show(call, project, fresh))


@ROUTES.post("/projects/:id/jobs/:job_id/cancel")
def cancel(call: Call) -> Answer:
    """Stop a job."""
    project = call.project(Level.DEVELOPER)
    one = _job(call, project)
    call.pipelines.cancel(one)
    return created(_show(call, project, one))


def _archive(call: Call, one: Job) -> Answer:
    path = call.pipelines.artifacts_path(one)
    if path is None:
        raise not_found()
    disposition = "attachment; filename=\"artifacts.zip\"; filename*=UTF-8''artifacts.zip"
    return Answer(path=path, media_type="application/zip", headers={"Content-Disposition": disposition})


def _member(call: Call, one: Job) -> Answer:
    path = call.pipelines.artifacts_path(one)
    if path is None:
        raise not_found()
    with zipfile.ZipFile(path) as archive:
        try:
            data = archive.read(call.arguments["artifact_path"])
        except KeyError:
            raise not_found() from None
    return Answer(content=data, media_type="application/octet-stream")


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
    return _archive(call, _job(call, project))


@ROUTES.get("/projects/:id/jobs/:job_id/artifacts/*artifact_path", job_token=True)
def artifact_file(call: Call) -> Answer:
    """One file of the artifacts."""
    project = reader(call)
    return _member(call, _job(call, project))


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
    one = _job(call, project)
    if call.pipelines.artifacts_path(one) is None:
        raise not_found()
    one.artifacts_expire_at = None
    return ok(_show(call, project, one))
