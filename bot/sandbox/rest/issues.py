"""Issues. Source: lib/api/issues.rb, app/policies/issue_policy.rb."""

from collections.abc import Callable
from datetime import date

from bot.sandbox.answers import Answer, forbidden, invalid, no_record, not_found
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.bounds import check_texts
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import planning
from bot.sandbox.rest.merge_requests import merge_request_of, milestone_asked, people_asked
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.quick_actions import described
from bot.sandbox.rest.routing import Routes
from bot.sandbox.rest.states import set_state
from bot.sandbox.world import access, flow
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue

ROUTES = Routes()

_CHANGEABLE = (
    "add_labels",
    "assignee_id",
    "assignee_ids",
    "confidential",
    "created_at",
    "description",
    "discussion_locked",
    "due_date",
    "labels",
    "milestone_id",
    "remove_labels",
    "state_event",
    "title",
    "updated_at",
)


def _sees(call: Call, project: Project, one: Issue) -> bool:
    """Confidential issues are for Planners, their author and their assignees."""
    if not one.confidential or call.level(project) >= Level.PLANNER:
        return True
    return call.viewer() is one.author or call.viewer() in one.assignees


def issue_of(call: Call) -> tuple[Project, Issue]:
    """Project and issue of the path. Raises: RefusalError (404)."""
    project = call.project()
    one = project.issues.get(call.number("iid"))
    if one is None or not _sees(call, project, one):
        raise no_record()
    return project, one


def day(call: Call, name: str, known: date | None = None) -> date | None:
    """A day parameter; empty removes it. Raises: RefusalError (400)."""
    if not call.params.has(name):
        return known
    text = call.params.text(name)
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise invalid(f"{name} is invalid") from None


def _chosen(call: Call, projects: list[Project]) -> list[tuple[Project, Issue]]:
    """Filters: state, iids, labels (`None`, `Any`), search (`in`), author, assignee, milestone, times."""
    params = call.params
    state = params.choice("state", ("opened", "closed", "all"), "all")
    iids = {whole_number(text) for text in params.texts("iids") if text.isdecimal()}
    labels, search = params.texts("labels"), (params.text("search") or "").lower()
    within = (params.text("in") or "title,description").split(",")
    author, name = params.integer("author_id"), params.text("author_username")
    milestone = params.text("milestone")
    bounds = {key: moment(call, key) for key in ("created_after", "created_before", "updated_after", "updated_before")}

    def labelled(one: Issue) -> bool:
        if [text.lower() for text in labels] == ["none"]:
            return not one.labels
        if [text.lower() for text in labels] == ["any"]:
            return bool(one.labels)
        return set(labels) <= set(one.labels)

    def passes(project: Project, one: Issue) -> bool:
        text = " ".join(getattr(one, part) for part in within if part in ("title", "description")).lower()
        return (
            _sees(call, project, one)
            and state in ("all", one.state)
            and (not iids or one.iid in iids)
            and labelled(one)
            and search in text
            and author in (None, one.author.id)
            and name in (None, one.author.username)
            and (milestone is None or (one.milestone is not None and one.milestone.title == milestone))
            and (not params.has("confidential") or params.flag("confidential") == one.confidential)
            and ((low := bounds["created_after"]) is None or one.created_at >= low)
            and ((high := bounds["created_before"]) is None or one.created_at <= high)
            and ((low := bounds["updated_after"]) is None or one.updated_at >= low)
            and ((high := bounds["updated_before"]) is None or one.updated_at <= high)
        )

    orders: dict[str, Callable[[tuple[Project, Issue]], tuple[object, ...]]] = {
        "created_at": lambda row: (row[1].created_at, row[1].id),
        "updated_at": lambda row: (row[1].updated_at, row[1].id),
        "title": lambda row: (row[1].title, row[1].id),
    }
    rows = [(each, one) for each in projects for one in list(each.issues.values()) if passes(each, one)]
    falling = params.choice("sort", ("asc", "desc"), "desc") == "desc"
    return sorted(rows, key=orders[params.choice("order_by", orders, "created_at")], reverse=falling)


@ROUTES.get("/projects/:id/issues")
def list_issues(call: Call) -> Answer:
    """Issues of a project, newest first."""
    return paged(call, _chosen(call, [call.project()]), lambda row: planning.issue(call.world, *row))


@ROUTES.get("/issues")
def all_issues(call: Call) -> Answer:
    """Issues of every project the caller sees; those the caller opened, unless `scope` is `all` or `assigned_to_me`."""
    scope = call.params.choice("scope", ("created_by_me", "assigned_to_me", "all"), "created_by_me")
    user = call.viewer() if scope == "all" else call.user()
    places = [one for one in list(call.world.projects.values()) if access.can_see(call.viewer(), one)]
    rows = [
        row
        for row in _chosen(call, places)
        if scope == "all" or (row[1].author is user if scope == "created_by_me" else user in row[1].assignees)
    ]
    return paged(call, rows, lambda row: planning.issue(call.world, *row))


@ROUTES.get("/projects/:id/issues/:iid")
def get_issue(call: Call) -> Answer:
    """One issue."""
    return ok(planning.issue(call.world, *issue_of(call)))


@ROUTES.get("/projects/:id/merge_requests/:iid/closes_issues")
def closes_issues(call: Call) -> Answer:
    """The issues a merge of the request would close."""
    project, request = merge_request_of(call)
    rows = [one for one in flow.closing(project, request) if _sees(call, project, one)]
    return paged(call, rows, lambda one: planning.issue(call.world, project, one))


@ROUTES.post("/projects/:id/issues")
def create_issue(call: Call) -> Answer:
    """A new issue; quick actions in its description are carried out. Guests may set no labels and the like."""
    call.params.require("title")
    project, params, now = call.project(Level.GUEST), call.params, call.world.clock.now()
    trusted, description = call.level(project) >= Level.PLANNER, params.text("description") or ""
    check_texts(params.needed("title"), description)
    labels, assignees = params.texts("labels"), people_asked(call, "assignee_ids", [])
    milestone, due = milestone_asked(call, project, None), day(call, "due_date")
    with call.world.lock:
        one = Issue(
            id=call.world.next_id("issue"),
            iid=max(project.issues, default=0) + 1,
            project_id=project.id,
            title=params.needed("title"),
            description="",
            author=call.user(),
            created_at=now,
            updated_at=now,
            confidential=params.flag("confidential"),
        )
        project.issues[one.iid] = one
    if trusted:
        one.labels, one.assignees, one.milestone, one.due_date = labels, assignees, milestone, due
    described(call, project, one, description)
    call.world.activity.event(project, call.user(), "opened", target_type="Issue", target=(one.id, one.iid, one.title))
    return created(planning.issue(call.world, project, one))


@ROUTES.put("/projects/:id/issues/:iid")
def update_issue(call: Call) -> Answer:
    """Change an issue: a Planner, its author or an assignee; `state_event` closes and reopens."""
    project, one = issue_of(call)
    user, params = call.user(), call.params
    if not any(params.has(name) for name in _CHANGEABLE):
        raise invalid(f"{', '.join(_CHANGEABLE)} are missing, at least one parameter must be provided")
    trusted = call.level(project) >= Level.PLANNER
    if not trusted and user is not one.author and user not in one.assignees:
        raise forbidden()
    event = params.one_of("state_event", ("close", "reopen"))
    title, confidential = params.text("title", one.title) or "", params.flag("confidential", one.confidential)
    check_texts(title, params.text("description"))
    due, locked = day(call, "due_date", one.due_date), params.flag("discussion_locked", one.discussion_locked)
    people_asked(call, "assignee_ids", [])
    milestone_asked(call, project, None)
    one.title, one.confidential = title, confidential
    if params.has("description"):
        described(call, project, one, params.text("description") or "")
    if trusted:
        if params.has("labels"):
            one.labels = params.texts("labels")
        one.labels = [name for name in one.labels if name not in params.texts("remove_labels")]
        one.labels += [name for name in params.texts("add_labels") if name not in one.labels]
        one.assignees = people_asked(call, "assignee_ids", one.assignees)
        one.milestone = milestone_asked(call, project, one.milestone)
        one.due_date, one.discussion_locked = due, locked
    one.updated_at = call.world.clock.now()
    if (one.state, event) in (("opened", "close"), ("closed", "reopen")):
        set_state(call, project, one, event or "")
    return ok(planning.issue(call.world, project, one))


@ROUTES.delete("/projects/:id/issues/:iid")
def delete_issue(call: Call) -> Answer:
    """Remove an issue: Owners and Planners only."""
    project = call.project()
    one = project.issues.get(call.number("iid"))
    if one is None:
        raise not_found("Issue")
    if call.level(project) not in (Level.OWNER, Level.PLANNER):
        raise forbidden()
    del project.issues[one.iid]
    return no_content()
