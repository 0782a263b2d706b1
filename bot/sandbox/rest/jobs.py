"""Jobs and their traces. Source: lib/api/ci/jobs.rb, app/policies/ci/build_policy.rb."""

from bot.sandbox.answers import Answer, Json, bad_request, forbidden, not_found
from bot.sandbox.ci.model import CiError, Job
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipelines import STATUSES, check_may_change, pipeline_of, reader
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()


def show_job(call: Call, project: Project, one: Job) -> Json:
    """API::Entities::Ci::Job."""
    pipe = call.pipelines.pipeline(project.id, one.pipeline_id)
    if pipe is None:
        raise not_found()
    return ci.job(call.world, project, pipe, one)


def job_of(call: Call, project: Project) -> Job:
    """The job of the path. Raises: RefusalError (404)."""
    one = call.pipelines.job(project.id, call.number("job_id"))
    if one is None:
        raise not_found()
    return one


def _in_scope(call: Call, jobs: list[Job]) -> list[Job]:
    scope = set(call.params.some_of("scope", STATUSES))
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
    return paged(call, rows, lambda one: show_job(call, project, one), totals=False)


@ROUTES.get("/projects/:id/jobs/:job_id", job_token=True)
def get_job(call: Call) -> Answer:
    """One job."""
    project = reader(call)
    return ok(show_job(call, project, job_of(call, project)))


@ROUTES.get("/projects/:id/jobs/:job_id/trace")
def trace(call: Call) -> Answer:
    """The job's log so far."""
    project = reader(call)
    return Answer(content=call.pipelines.trace(job_of(call, project)), media_type="text/plain")


@ROUTES.post("/projects/:id/jobs/:job_id/play")
def play(call: Call) -> Answer:
    """Start a manual job. On a protected ref it needs the rights of that ref's pipelines."""
    project = call.project(Level.DEVELOPER)
    one = job_of(call, project)
    check_may_change(call, project, one)
    variables = [
        {"key": row.needed("key"), "value": row.text("value") or ""}
        for row in call.params.rows("job_variables_attributes")
    ]
    try:
        played = call.pipelines.play(one, variables, user_id=call.user().id)
    except CiError as error:
        raise bad_request(", ".join(error.messages)) from None
    return ok(show_job(call, project, played))


@ROUTES.post("/projects/:id/jobs/:job_id/retry")
def retry(call: Call) -> Answer:
    """Run a finished job again: a new job with a new id."""
    project = call.project(Level.DEVELOPER)
    one = job_of(call, project)
    check_may_change(call, project, one)
    try:
        fresh = call.pipelines.retry(one, user_id=call.user().id)
    except CiError:
        raise forbidden("Job is not retryable") from None
    return created(show_job(call, project, fresh))


@ROUTES.post("/projects/:id/jobs/:job_id/cancel")
def cancel(call: Call) -> Answer:
    """Stop a job."""
    project = call.project(Level.DEVELOPER)
    one = job_of(call, project)
    check_may_change(call, project, one)
    call.pipelines.cancel(one)
    return created(show_job(call, project, one))


@ROUTES.post("/projects/:id/jobs/:job_id/erase")
def erase(call: Call) -> Answer:
    """Drop artifacts and trace of a finished job: a Maintainer, or the Developer who started it on an open ref."""
    project = call.project(Level.DEVELOPER)
    one = job_of(call, project)
    if call.level(project) < Level.MAINTAINER:
        if call.user().id != one.user_id or project.protects(one.ref, tag=one.tag):
            raise forbidden()
    else:
        check_may_change(call, project, one)
    try:
        call.pipelines.erase(one)
    except CiError as error:
        raise forbidden(", ".join(error.messages)) from None
    return created(show_job(call, project, one))
