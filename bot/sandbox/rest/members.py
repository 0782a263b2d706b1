"""Members of projects and groups. Source: lib/api/members.rb."""

from bot.sandbox.answers import Answer, forbidden, invalid, message, no_record, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import people
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group, Project

ROUTES = Routes()

LEVELS = (5, 10, 15, 20, 25, 30, 40, 50)
"""The levels a member can be given."""


def _place(call: Call, kind: str, need: Level | None = None) -> Project | Group:
    return call.project(need) if kind == "projects" else call.group(need)


def _needed(kind: str) -> Level:
    return Level.MAINTAINER if kind == "projects" else Level.OWNER


def _levels(place: Project | Group) -> dict[int, Level]:
    """The highest of direct and inherited membership, by user."""
    groups = place.namespace.lineage() if isinstance(place, Project) else place.lineage()
    own = [place.members] if isinstance(place, Project) else []
    found: dict[int, Level] = {}
    for members in (*own, *(group.members for group in groups)):
        for number, level in list(members.items()):
            found[number] = max(level, found.get(number, Level.NONE))
    return found


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


def _level(call: Call, kind: str, place: Project | Group) -> Level:
    number = call.params.integer("access_level") or 0
    if number not in LEVELS:
        raise invalid("access_level does not have a valid value")
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


def _register(kind: str) -> None:
    path = f"/{kind}/:id/members"
    ROUTES.get(path)(lambda call: _listed(call, _place(call, kind).members))
    ROUTES.post(path)(lambda call: _add(call, kind))
    ROUTES.get(f"{path}/all")(lambda call: _listed(call, _levels(_place(call, kind))))
    ROUTES.get(f"{path}/all/:user_id")(lambda call: _one(call, _levels(_place(call, kind))))
    ROUTES.get(f"{path}/:user_id")(lambda call: _one(call, _place(call, kind).members))
    ROUTES.put(f"{path}/:user_id")(lambda call: _edit(call, kind))
    ROUTES.delete(f"{path}/:user_id")(lambda call: _remove(call, kind))


_register("projects")
_register("groups")
