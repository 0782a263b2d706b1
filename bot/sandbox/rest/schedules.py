"""Pipeline schedules. Source: lib/api/ci/pipeline_schedules.rb, app/policies/ci/pipeline_schedule_policy.rb."""

from contextlib import suppress

from bot.sandbox.answers import Answer, Json, RefusalError, forbidden, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.entities.people import user_basic
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipeline_creation import Order, create, may_use_ref
from bot.sandbox.rest.routing import Routes
from bot.sandbox.rest.variables import KEY
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.cron import ZoneError, next_run
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import Variable
from bot.sandbox.world.starts import Schedule

ROUTES = Routes()

_PATH = "/projects/:id/pipeline_schedules"


def _show(call: Call, one: Schedule) -> Json:
    """API::Entities::Ci::PipelineSchedule: what the list shows, without variables."""
    planned = next_run(one.cron, one.cron_timezone, call.world.clock.now()) if one.active else None
    return {
        "id": one.id,
        "description": one.description,
        "ref": one.ref,
        "cron": one.cron,
        "cron_timezone": one.cron_timezone,
        "next_run_at": stamp_or_none(planned),
        "active": one.active,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "owner": user_basic(call.world, one.owner),
        "inputs": [{"name": name, "value": value} for name, value in one.inputs.items()],
    }


def _variable(one: Variable) -> Json:
    return {"key": one.key, "variable_type": one.variable_type, "value": one.value, "raw": one.raw}


def _administers(call: Call, project: Project, one: Schedule) -> bool:
    """A Maintainer, or its owner while a Developer; they alone see the variables, values included."""
    level = call.level(project)
    return level >= Level.MAINTAINER or (call.viewer() is one.owner and level >= Level.DEVELOPER)


def _details(call: Call, project: Project, one: Schedule) -> Json:
    """API::Entities::Ci::PipelineScheduleDetails."""
    last = call.pipelines.pipeline(project.id, one.pipeline_ids[-1]) if one.pipeline_ids else None
    shown = _show(call, one)
    shown["last_pipeline"] = ci.pipeline_basic(call.world, project, last) if last else None
    if _administers(call, project, one):
        shown["variables"] = [_variable(each) for each in one.variables]
    return shown


def _found(call: Call, project: Project) -> Schedule:
    one = project.schedules.get(call.number("schedule_id"))
    if one is None:
        raise not_found("Pipeline Schedule")
    return one


def _edited(call: Call, project: Project) -> Schedule:
    """The schedule, for its owner or an admin: a Maintainer may only take it over. Raises: RefusalError (403)."""
    one = _found(call, project)
    if not call.user().admin and not (call.user() is one.owner and call.level(project) >= Level.DEVELOPER):
        raise forbidden()
    return one


def _full_ref(project: Project, name: str) -> str:
    """A short ref that is one thing only, expanded; anything else as it is."""
    branch, tag = project.git.branch(name), project.git.tag(name)
    if (branch is None) == (tag is None):
        return name
    return f"refs/tags/{name}" if tag else f"refs/heads/{name}"


def _check(call: Call, project: Project, one: Schedule) -> None:
    errors: dict[str, list[str]] = {}
    try:
        next_run(one.cron, one.cron_timezone, call.world.clock.now())
    except ZoneError:
        errors["cron_timezone"] = ["is invalid syntax"]
    except ValueError:
        errors["cron"] = ["is invalid syntax"]
    if not one.ref.startswith(("refs/heads/", "refs/tags/")):
        errors["ref"] = ["is ambiguous"] if project.git.branch(one.ref) else ["is invalid"]
    if errors:
        raise message(400, dict(errors))
    short, tag = one.ref.split("/", 2)[2], one.ref.startswith("refs/tags/")
    if not may_use_ref(call.user(), project, short, tag=tag):
        raise message(400, {"base": ["The current user is not authorized to set pipeline schedule refs"]})


def _inputs(call: Call, known: dict[str, object]) -> dict[str, object]:
    found = dict(known)
    for row in call.params.rows("inputs"):
        name = row.needed("name")
        found.pop(name, None)
        if not row.flag("destroy"):
            found[name] = row.values.get("value")
    return found


@ROUTES.get(_PATH)
def list_schedules(call: Call) -> Answer:
    """Schedules by id; no variables here."""
    project = call.project(Level.REPORTER)
    scope = call.params.choice("scope", ("active", "inactive", ""), "")
    rows = [one for one in project.schedules.values() if not scope or one.active == (scope == "active")]
    return paged(call, rows, lambda one: _show(call, one))


@ROUTES.get(f"{_PATH}/:schedule_id")
def get_schedule(call: Call) -> Answer:
    """One schedule; variables with values for its owner and for Maintainers."""
    project = call.project(Level.REPORTER)
    return ok(_details(call, project, _found(call, project)))


@ROUTES.get(f"{_PATH}/:schedule_id/pipelines")
def schedule_pipelines(call: Call) -> Answer:
    """What the schedule has started, oldest first."""
    project = call.project(Level.REPORTER)
    found = [call.pipelines.pipeline(project.id, number) for number in _found(call, project).pipeline_ids]
    rows = [pipe for pipe in found if pipe is not None]
    return paged(call, rows, lambda pipe: ci.pipeline_basic(call.world, project, pipe))


@ROUTES.post(_PATH)
def create_schedule(call: Call) -> Answer:
    """A new schedule of the caller's."""
    call.params.require("description", "ref", "cron")
    project, params, now = call.project(Level.DEVELOPER), call.params, call.world.clock.now()
    one = Schedule(
        id=call.world.next_id("schedule"),
        description=params.needed("description"),
        ref=_full_ref(project, params.needed("ref")),
        cron=params.needed("cron"),
        cron_timezone=params.text("cron_timezone") or "UTC",
        active=params.flag("active", default=True),
        owner=call.user(),
        created_at=now,
        updated_at=now,
        inputs=_inputs(call, {}),
    )
    _check(call, project, one)
    project.schedules[one.id] = one
    return created(_details(call, project, one))


@ROUTES.put(f"{_PATH}/:schedule_id")
def update_schedule(call: Call) -> Answer:
    """Change it: its owner, or an admin."""
    project, params = call.project(Level.REPORTER), call.params
    one = _edited(call, project)
    changed = Schedule(
        id=one.id,
        description=params.text("description") or one.description,
        ref=_full_ref(project, params.text("ref") or one.ref),
        cron=params.text("cron") or one.cron,
        cron_timezone=params.text("cron_timezone") or one.cron_timezone,
        active=params.flag("active", one.active),
        owner=one.owner,
        created_at=one.created_at,
        updated_at=call.world.clock.now(),
        variables=one.variables,
        inputs=_inputs(call, one.inputs),
        pipeline_ids=one.pipeline_ids,
    )
    _check(call, project, changed)
    project.schedules[one.id] = changed
    return ok(_details(call, project, changed))


@ROUTES.post(f"{_PATH}/:schedule_id/take_ownership")
def take_ownership(call: Call) -> Answer:
    """The caller becomes its owner; 200 instead of 201 if they were."""
    project = call.project(Level.REPORTER)
    one = _found(call, project)
    if not _administers(call, project, one):
        raise forbidden()
    if call.user() is one.owner:
        return ok(_details(call, project, one))
    one.owner = call.user()
    return created(_details(call, project, one))


@ROUTES.delete(f"{_PATH}/:schedule_id")
def delete_schedule(call: Call) -> Answer:
    """Gone."""
    project = call.project(Level.REPORTER)
    one = _found(call, project)
    if not _administers(call, project, one):
        raise forbidden()
    del project.schedules[one.id]
    return no_content()


@ROUTES.post(f"{_PATH}/:schedule_id/play")
def play_schedule(call: Call) -> Answer:
    """Run it now. Like GitLab, which does so in the background, the answer does not tell whether it worked."""
    project = call.project(Level.DEVELOPER)
    one = _found(call, project)
    short, tag = one.ref.split("/", 2)[2], one.ref.startswith("refs/tags/")
    if not may_use_ref(call.user(), project, short, tag=tag):
        raise forbidden()
    sent = tuple({"key": v.key, "value": v.value, "variable_type": v.variable_type} for v in one.variables)
    order = Order(user=call.user(), ref=one.ref, source="schedule", variables=sent, inputs=one.inputs)
    with suppress(RefusalError):
        one.pipeline_ids.append(create(call, project, order).id)
    return created({"message": "201 Created"})


def _schedule_variable(call: Call, one: Schedule) -> Variable:
    for each in one.variables:
        if each.key == call.arguments["key"]:
            return each
    raise not_found("Variable")


@ROUTES.post(f"{_PATH}/:schedule_id/variables")
def create_variable(call: Call) -> Answer:
    """A variable of the schedule."""
    call.params.require("key", "value")
    project, params = call.project(Level.REPORTER), call.params
    one, key = _edited(call, project), call.params.needed("key")
    if any(each.key == key for each in one.variables):
        raise message(400, {"key": ["has already been taken"]})
    if not KEY.fullmatch(key):
        raise message(400, {"key": ["can contain only letters, digits and '_'."]})
    kind = params.choice("variable_type", ("env_var", "file"), "env_var")
    made = Variable(key=key, value=params.text("value") or "", variable_type=kind)
    one.variables.append(made)
    return created(_variable(made))


@ROUTES.put(f"{_PATH}/:schedule_id/variables/:key")
def update_variable(call: Call) -> Answer:
    """Another value."""
    made = _schedule_variable(call, _edited(call, call.project(Level.REPORTER)))
    made.value = call.params.text("value", made.value) or ""
    made.variable_type = call.params.choice("variable_type", ("env_var", "file"), made.variable_type)
    return ok(_variable(made))


@ROUTES.delete(f"{_PATH}/:schedule_id/variables/:key")
def delete_variable(call: Call) -> Answer:
    """Gone; GitLab answers 202 with what it was."""
    one = _edited(call, call.project(Level.REPORTER))
    gone = _schedule_variable(call, one)
    one.variables.remove(gone)
    return Answer(status=202, body=_variable(gone))
