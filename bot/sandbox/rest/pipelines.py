"""Pipelines: list, one, create, cancel, retry. Source: lib/api/ci/pipelines.rb, app/finders/ci/pipelines_finder.rb."""

from collections.abc import Callable

from bot.sandbox.answers import Answer, Json, forbidden, not_found
from bot.sandbox.ci.model import Job, Pipeline
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipeline_creation import Order, create, may_use_ref, sent_variables
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()

STATUSES = (
    *("created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running", "success"),
    *("failed", "canceling", "canceled", "skipped", "manual", "scheduled"),
)
"""Of pipelines and jobs. Source: app/models/concerns/ci/has_status.rb."""
SOURCES = (
    *("unknown", "push", "web", "trigger", "schedule", "api", "external", "pipeline", "chat", "webide"),
    *("merge_request_event", "external_pull_request_event", "parent_pipeline", "ondemand_dast_scan"),
    *("ondemand_dast_validation", "security_orchestration_policy", "container_registry_push", "duo_workflow"),
    "pipeline_execution_policy_schedule",
)
"""Source: app/models/concerns/enums/ci/pipeline.rb."""

_SCOPES = ("running", "pending", "finished", "branches", "tags")
_FINISHED = ("success", "failed", "canceled")


def _in_scope(one: Pipeline, scope: str | None, newest: set[int]) -> bool:
    if scope in ("running", "pending"):
        return one.status == scope
    if scope == "finished":
        return one.status in _FINISHED
    if scope in ("branches", "tags"):
        return one.tag == (scope == "tags") and one.id in newest
    return True


def reader(call: Call) -> Project:
    """The project, whose pipelines the caller may read."""
    return call.project(code=True)


@ROUTES.get("/projects/:id/pipelines", job_token=True)
def list_pipelines(call: Call) -> Answer:
    """Pipelines, newest first. `ref` matches branches and tags alike; child pipelines only when asked for."""
    project, params = reader(call), call.params
    everything = call.pipelines.pipelines(project.id)
    newest = {one.ref: one.id for one in reversed(everything)}
    scope = params.choice("scope", _SCOPES, "") if params.text("scope") else None
    source, status = params.one_of("source", SOURCES), params.one_of("status", STATUSES)
    bounds = {
        name: moment(call, name) for name in ("updated_after", "updated_before", "created_after", "created_before")
    }
    user = call.world.user_named(params.text("username") or "")

    def passes(one: Pipeline) -> bool:
        return (
            params.text("ref") in (None, one.ref)
            and params.text("sha") in (None, one.sha)
            and status in (None, one.status)
            and params.text("name") in (None, one.name)
            and (source == one.source if source else one.source != "parent_pipeline")
            and (not params.has("username") or (user is not None and user.id == one.user_id))
            and (not params.has("yaml_errors") or params.flag("yaml_errors") == bool(one.yaml_errors))
            and _in_scope(one, scope, set(newest.values()))
            and ((low := bounds["updated_after"]) is None or one.updated_at > low)
            and ((high := bounds["updated_before"]) is None or one.updated_at < high)
            and ((low := bounds["created_after"]) is None or one.created_at > low)
            and ((high := bounds["created_before"]) is None or one.created_at < high)
        )

    orders: dict[str, Callable[[Pipeline], tuple[object, ...]]] = {
        "id": lambda one: (one.id,),
        "status": lambda one: (one.status, one.id),
        "ref": lambda one: (one.ref, one.id),
        "updated_at": lambda one: (one.updated_at, one.id),
        "user_id": lambda one: (one.user_id, one.id),
    }
    rows = [one for one in everything if passes(one)]
    rows.sort(
        key=orders[params.choice("order_by", orders, "id")],
        reverse=params.choice("sort", ("asc", "desc"), "desc") == "desc",
    )
    return paged(call, rows, lambda one: ci.pipeline_basic(call.world, project, one))


def pipeline_of(call: Call, project: Project) -> Pipeline:
    """The pipeline of the path. Raises: RefusalError (404)."""
    one = call.pipelines.pipeline(project.id, call.number("pipeline_id"))
    if one is None:
        raise not_found()
    return one


@ROUTES.get("/projects/:id/pipelines/:pipeline_id", job_token=True)
def get_pipeline(call: Call) -> Answer:
    """One pipeline."""
    project = reader(call)
    return ok(ci.pipeline(call.world, project, pipeline_of(call, project)))


@ROUTES.get("/projects/:id/pipelines/latest", job_token=True)
def latest_pipeline(call: Call) -> Answer:
    """The newest pipeline of `ref`'s head commit; 403 when there is none."""
    project = reader(call)
    ref = call.params.text("ref") or project.default_branch
    sha = project.git.resolve(ref)
    for one in call.pipelines.pipelines(project.id):
        if (one.ref, one.sha) == (ref, sha):
            return ok(ci.pipeline(call.world, project, one))
    raise forbidden()


@ROUTES.get("/projects/:id/pipelines/:pipeline_id/variables")
def pipeline_variables(call: Call) -> Answer:
    """Variables the creator sent, values included."""
    project = call.project(Level.DEVELOPER)
    rows: list[Json] = [
        {"variable_type": row.get("variable_type", "env_var"), "key": row["key"], "value": row["value"], "raw": False}
        for row in pipeline_of(call, project).variables
    ]
    return paged(call, rows, lambda row: row)


@ROUTES.post("/projects/:id/pipeline")
def create_pipeline(call: Call) -> Answer:
    """A pipeline of a branch or tag, `source: api`. Every refusal of the chain is a 400 with `base`."""
    call.params.require("ref")
    project, params = call.project(Level.DEVELOPER), call.params
    order = Order(
        user=call.user(),
        ref=params.needed("ref"),
        source="api",
        variables=sent_variables(params.rows("variables"), "variables"),
        inputs=params.nested("inputs").values,
    )
    return created(ci.pipeline(call.world, project, create(call, project, order)))


def check_may_change(call: Call, project: Project, one: Pipeline | Job) -> None:
    """On a protected ref only those may play, retry or cancel who may run pipelines there. Raises: RefusalError (403).

    Source: app/policies/ci/{build,pipeline}_policy.rb `protected_ref`.
    """
    if not may_use_ref(call.user(), project, one.ref, tag=one.tag):
        raise forbidden()


@ROUTES.put("/projects/:id/pipelines/:pipeline_id/metadata", job_token=True)
def rename_pipeline(call: Call) -> Answer:
    """Give the pipeline a name; a job token may do it for pipelines of its own project."""
    call.params.require("name")
    project = call.project(Level.DEVELOPER)
    one = pipeline_of(call, project)
    check_may_change(call, project, one)
    one.name = call.params.text("name")
    return ok(ci.pipeline(call.world, project, one))


@ROUTES.post("/projects/:id/pipelines/:pipeline_id/cancel")
def cancel_pipeline(call: Call) -> Answer:
    """Cancel what runs or waits."""
    project = call.project(Level.DEVELOPER)
    one = pipeline_of(call, project)
    check_may_change(call, project, one)
    call.pipelines.cancel_pipeline(one)
    return ok(ci.pipeline(call.world, project, one))


@ROUTES.post("/projects/:id/pipelines/:pipeline_id/retry")
def retry_pipeline(call: Call) -> Answer:
    """Run failed and canceled jobs again."""
    project = call.project(Level.DEVELOPER)
    one = pipeline_of(call, project)
    check_may_change(call, project, one)
    call.pipelines.retry_pipeline(one, user_id=call.user().id)
    return created(ci.pipeline(call.world, project, one))
