"""Members of projects and groups. Source: lib/api/members.rb."""

from bot.sandbox.answers import Answer, Json, forbidden, invalid, message, no_record, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import people
from bot.sandbox.rest.entities import places as shown
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group, Invitation, Project

ROUTES = Routes()

LEVELS = (5, 10, 15, 20, 25, 30, 40, 50)
"""The levels a member can be given."""


def _place(call: Call, kind: str, need: Level | None = None) -> Project | Group:
    return call.project(need) if kind == "projects" else call.group(need)


def _needed(kind: str) -> Level:
    return Level.MAINTAINER if kind == "projects" else Level.OWNER


def _levels(place: Project | Group) -> dict[int, Level]:
    """The highest of direct, inherited and invited membership, by user."""
    groups = [*(place.namespace.lineage() if isinstance(place, Project) else place.lineage())]
    places: list[Project | Group] = [place, *groups]
    guests = [one for each in places for invitation in each.invited.values() for one in invitation.group.lineage()]
    numbers = {number for one in (*places, *guests) for number in list(one.members)}
    levels = {number: access.membership(number, place) for number in numbers}
    return {number: level for number, level in levels.items() if level > Level.NONE}


def _listed(call: Call, levels: dict[int, Level]) -> Answer:
    query, wanted = (call.params.text("query") or "").lower(), call.params.texts("user_ids")
    rows = [
        (number, level)
        for number, level in sorted(levels.items())
        if query in call.world.users[number].username.lower() and (not wanted or str(number) in wanted)
    ]
    return paged(call, rows, lambda row: people.member(call.world, call.world.users[row[0]], row[1]))


def _one(call: Call, levels: dict[int, Level]) -> Answer:
    """404 when the user is no member; admins are none by being admins."""
    number = call.number("user_id")
    if number not in levels:
        raise no_record()
    return ok(people.member(call.world, call.world.users[number], levels[number]))


def _level(call: Call, kind: str, place: Project | Group, name: str = "access_level") -> Level:
    number = call.params.integer(name) or 0
    if number not in LEVELS:
        raise invalid(f"{name} does not have a valid value")
    if kind == "projects" and isinstance(place, Project) and number > call.level(place):
        raise forbidden()
    return Level(number)


def _add(call: Call, kind: str) -> Answer:
    """A new member, by `user_id` or `username`; 409 when they are one. Nobody gives more than they have."""
    place, params = _place(call, kind, _needed(kind)), call.params
    if not params.has("user_id") and not params.has("username"):
        raise invalid("user_id, username are missing, exactly one parameter must be provided")
    params.require("access_level")
    name = params.text("username")
    user = call.world.user_named(name) if name else call.world.users.get(params.integer("user_id") or 0)
    if user is None:
        raise not_found("User")
    level = _level(call, kind, place)
    if user.id in place.members:
        raise message(409, "Member already exists")
    call.world.add_member(place, user, level)
    return created(people.member(call.world, user, level))


def _edit(call: Call, kind: str) -> Answer:
    """Another level."""
    place = _place(call, kind, _needed(kind))
    call.params.require("access_level")
    number = call.number("user_id")
    if number not in place.members:
        raise no_record()
    place.members[number] = _level(call, kind, place)
    return ok(people.member(call.world, call.world.users[number], place.members[number]))


def _remove(call: Call, kind: str) -> Answer:
    """No member any more; everybody may leave."""
    place, number = _place(call, kind), call.number("user_id")
    if number != call.user().id:
        place = _place(call, kind, _needed(kind))
    if number not in place.members:
        raise no_record()
    del place.members[number]
    return no_content()


def _invite(call: Call, kind: str) -> Answer:
    """A group's members become members, at most at `group_access`. Source: lib/api/{projects,groups}.rb, `share`."""
    place, params = _place(call, kind, _needed(kind)), call.params
    params.require("group_id", "group_access")
    number = params.integer("group_id")
    group = next((one for one in list(call.world.groups.values()) if one.id == number), None)
    if group is None or not call.sees(group):
        raise not_found("Group")
    if group.id in place.invited:
        raise message(409, {"shared_group_id": ["The group has already been shared with this group"]})
    place.invited[group.id] = Invitation(group, _level(call, kind, place, "group_access"))
    if isinstance(place, Group):
        return created(shown.group_details(call.world, place))
    link: Json = {
        "id": call.world.next_id("group_link"),
        "project_id": place.id,
        "group_id": group.id,
        "group_access": int(place.invited[group.id].most),
        "expires_at": None,
    }
    return created(link)


def _uninvite(call: Call, kind: str) -> Answer:
    place = _place(call, kind, _needed(kind))
    if place.invited.pop(call.number("group_id"), None) is None:
        raise not_found("Group Link")
    return no_content()


def _register(kind: str) -> None:
    path = f"/{kind}/:id/members"
    ROUTES.get(path)(lambda call: _listed(call, _place(call, kind).members))
    ROUTES.post(path)(lambda call: _add(call, kind))
    ROUTES.get(f"{path}/all")(lambda call: _listed(call, _levels(_place(call, kind))))
    ROUTES.get(f"{path}/all/:user_id")(lambda call: _one(call, _levels(_place(call, kind))))
    ROUTES.get(f"{path}/:user_id")(lambda call: _one(call, _place(call, kind).members))
    ROUTES.put(f"{path}/:user_id")(lambda call: _edit(call, kind))
    ROUTES.delete(f"{path}/:user_id")(lambda call: _remove(call, kind))
    ROUTES.post(f"/{kind}/:id/share")(lambda call: _invite(call, kind))
    ROUTES.delete(f"/{kind}/:id/share/:group_id")(lambda call: _uninvite(call, kind))


_register("projects")
_register("groups")
