"""Events. Source: lib/api/helpers/events_helpers.rb, app/finders/events_finder.rb, app/models/event_collection.rb."""

from datetime import UTC, date, datetime, time, timedelta

from bot.sandbox.answers import Answer, Json, invalid, not_found
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Event, Issue

ROUTES = Routes()

ALL_SCOPE_LIMIT = 20
"""`scope=all` looks at no more than the newest events of all member projects, before any filter."""

_LAST_DAY = date.max - timedelta(days=1)
_ACTIONS = {
    "pushed": ("pushed new", "pushed to", "deleted"),
    "created": ("created", "opened"),
    "commented": ("commented on",),
    "merged": ("accepted",),
    "closed": ("closed",),
    "reopened": ("reopened",),
}


def _day(call: Call, name: str) -> date | None:
    text = call.params.text(name)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise invalid(f"{name} is invalid") from None


def _filtered(call: Call, events: list[Event]) -> list[Event]:
    """`before` and `after` are days: `after=D` means later than the end of D."""
    before, after = _day(call, "before"), _day(call, "after")
    start = None if after is None else datetime.combine(min(after, _LAST_DAY) + timedelta(days=1), time(), UTC)
    end = None if before is None else datetime.combine(before, time(), UTC)
    action, target = call.params.text("action"), (call.params.text("target_type") or "").replace("_", "").lower()
    names = _ACTIONS.get(action, (action,)) if action else None
    rows = [
        one
        for one in events
        if (start is None or one.created_at >= start)
        and (end is None or one.created_at < end)
        and (names is None or one.action_name in names)
        and (not target or (one.target_type or "").lower() == target)
    ]
    rows.sort(key=lambda one: (one.created_at, one.id), reverse=call.params.text("sort") != "asc")
    return rows


def _page(call: Call, events: list[Event]) -> Answer:
    """Rows the caller may not see are taken out after paging. Source: lib/api/helpers/events_helpers.rb."""
    world, viewer = call.world, call.viewer()

    def visible(one: Event) -> bool:
        project = world.projects.get(one.project_id)
        return project is not None and access.can_see(viewer, project) and _hears(viewer, project, one)

    def shown(one: Event) -> Json:
        return work.event(world, world.projects[one.project_id], one)

    return paged(call, _filtered(call, events), shown, visible=visible)


def _hears(viewer: User | None, project: Project, one: Event) -> bool:
    """Whether a note may be read: it is still there, and who may not read internal ones reads none."""
    if one.note is None:
        return True
    owner, note = one.note
    quiet = note.internal or (isinstance(owner, Issue) and owner.confidential)
    return note.id in owner.notes and (not quiet or access.project_level(viewer, project) >= Level.PLANNER)


def _authored(call: Call, author: User) -> list[Event]:
    busy = [one for one in list(call.world.projects.values()) if one.events]
    return [event for one in busy for event in list(one.events) if event.author is author]


@ROUTES.get("/projects/:id/events")
def project_events(call: Call) -> Answer:
    """What happened in a project."""
    return _page(call, list(call.project().events))


@ROUTES.get("/users/:user_id/events", scopes=("read_user",))
def user_events(call: Call) -> Answer:
    """What a user, named by id or name, did where the caller may look."""
    key = call.arguments["user_id"]
    found = call.world.users.get(whole_number(key)) if key.isdecimal() else call.world.user_named(key)
    if found is None:
        raise not_found("User")
    return _page(call, _authored(call, found))


@ROUTES.get("/events", scopes=("read_user",))
def own_events(call: Call) -> Answer:
    """The caller's own events; `scope=all` the twenty newest of all member projects, and nothing beyond them.

    Member projects, for admins too. Source: app/models/event_collection.rb.
    """
    user = call.user()
    if call.params.text("scope") != "all":
        return _page(call, _authored(call, user))
    busy = [one for one in list(call.world.projects.values()) if one.events and access.is_member(user, one)]
    events = [event for one in busy for event in list(one.events)]
    return _page(call, sorted(events, key=lambda one: (one.created_at, one.id))[-ALL_SCOPE_LIMIT:])
