"""Milestones of projects. Source: lib/api/milestone_responses.rb, lib/api/project_milestones.rb."""

from bot.sandbox.answers import Answer, invalid, message, no_record
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.bounds import TITLE_LIMIT
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import planning
from bot.sandbox.rest.issues import day
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Milestone

ROUTES = Routes()

_CHANGEABLE = ("title", "description", "start_date", "due_date", "state_event")


def _found(call: Call, project: Project) -> Milestone:
    one = project.milestones.get(call.number("milestone_id"))
    if one is None:
        raise no_record()
    return one


def _check_title(project: Project, title: str, own: Milestone | None, verb: str) -> None:
    if any(one.title == title and one is not own for one in project.milestones.values()):
        raise message(
            400,
            f'Failed to {verb} milestone {{:title=>["already being used for another group or project milestone."]}}',
        )


def _check_text(title: str, verb: str) -> None:
    if not title.strip():
        raise message(400, f'Failed to {verb} milestone {{:title=>["can\'t be blank"]}}')
    if len(title) > TITLE_LIMIT:
        told = f"is too long (maximum is {TITLE_LIMIT} characters)"
        raise message(400, f'Failed to {verb} milestone {{:title=>["{told}"]}}')


@ROUTES.get("/projects/:id/milestones")
def list_milestones(call: Call) -> Answer:
    """Filters: state, iids, title, search; by due date."""
    project, params = call.project(), call.params
    state = params.choice("state", ("active", "closed", "all"), "all")
    iids = {whole_number(text) for text in params.texts("iids") if text.isdecimal()}
    title, search = params.text("title"), (params.text("search") or "").lower()
    rows = [
        one
        for one in project.milestones.values()
        if state in ("all", one.state)
        and (not iids or one.iid in iids)
        and title in (None, one.title)
        and search in f"{one.title} {one.description}".lower()
    ]
    rows.sort(key=lambda one: (one.due_date is None, one.due_date or one.created_at.date(), one.id))
    return paged(call, rows, lambda one: planning.milestone(call.world, project, one))


@ROUTES.get("/projects/:id/milestones/:milestone_id")
def get_milestone(call: Call) -> Answer:
    """One milestone, by id."""
    project = call.project()
    return ok(planning.milestone(call.world, project, _found(call, project)))


@ROUTES.post("/projects/:id/milestones")
def create_milestone(call: Call) -> Answer:
    """A new milestone; titles are unique."""
    call.params.require("title")
    project, params, now = call.project(Level.PLANNER), call.params, call.world.clock.now()
    title, description = params.needed("title"), params.text("description") or ""
    start, due = day(call, "start_date"), day(call, "due_date")
    _check_text(title, "create")
    with call.world.lock:
        _check_title(project, title, None, "create")
        one = Milestone(
            id=call.world.next_id("milestone"),
            iid=len(project.milestones) + 1,
            title=title,
            description=description,
            created_at=now,
            updated_at=now,
            start_date=start,
            due_date=due,
        )
        project.milestones[one.id] = one
    return created(planning.milestone(call.world, project, one))


@ROUTES.put("/projects/:id/milestones/:milestone_id")
def update_milestone(call: Call) -> Answer:
    """Change, close (`state_event=close`) or reopen (`activate`)."""
    project, params = call.project(Level.PLANNER), call.params
    one = _found(call, project)
    if not any(params.has(name) for name in _CHANGEABLE):
        raise invalid(f"{', '.join(_CHANGEABLE)} are missing, at least one parameter must be provided")
    start, due = day(call, "start_date", one.start_date), day(call, "due_date", one.due_date)
    if params.has("title"):
        _check_text(params.needed("title"), "update")
        _check_title(project, params.needed("title"), one, "update")
    event = params.choice("state_event", ("close", "activate"), "close") if params.has("state_event") else None
    one.title = params.text("title") or one.title
    one.description = params.text("description", one.description) or ""
    one.start_date, one.due_date = start, due
    one.state = {"close": "closed", "activate": "active", None: one.state}[event]
    one.updated_at = call.world.clock.now()
    return ok(planning.milestone(call.world, project, one))


@ROUTES.delete("/projects/:id/milestones/:milestone_id")
def delete_milestone(call: Call) -> Answer:
    """Remove it from what carries it, too."""
    project = call.project(Level.PLANNER)
    one = _found(call, project)
    del project.milestones[one.id]
    for issue in project.issues.values():
        issue.milestone = None if issue.milestone is one else issue.milestone
    for request in project.merge_requests.values():
        request.milestone = None if request.milestone is one else request.milestone
    for release in project.releases.values():
        release.milestones = [each for each in release.milestones if each is not one]
    return no_content()
