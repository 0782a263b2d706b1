"""Events. Source: lib/api/helpers/events_helpers.rb, app/finders/events_finder.rb, app/models/event_collection.rb."""

from datetime import UTC, date, datetime, time, timedelta

from bot.sandbox.answers import Answer, invalid
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.work import Event

ROUTES = Routes()

ALL_SCOPE_LIMIT = 20
"""`scope=all` looks at no more than the newest events of all member projects, before any filter."""

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
    start = None if after is None else datetime.combine(after + timedelta(days=1), time(), UTC)
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


@ROUTES.get("/projects/:id/events")
def project_events(call: Call) -> Answer:
    """What happened in a project."""
    project = call.project()
    return paged(call, _filtered(call, list(project.events)), lambda one: work.event(call.world, one))


@ROUTES.get("/events", scopes=("read_user",))
def own_events(call: Call) -> Answer:
    """The caller's own events; `scope=all` the twenty newest of all member projects, and nothing beyond them."""
    user = call.user()
    busy = [one for one in list(call.world.projects.values()) if one.events]
    if call.params.text("scope") == "all":
        events = [event for one in busy if access.is_member(user, one) for event in list(one.events)]
        events = sorted(events, key=lambda one: (one.created_at, one.id))[-ALL_SCOPE_LIMIT:]
    else:
        events = [event for one in busy for event in list(one.events) if event.author is user]
    return paged(call, _filtered(call, events), lambda one: work.event(call.world, one))
