"""Groups and their projects."""

from bot.sandbox.answers import Answer, forbidden, message, not_found
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import places
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.projects import check_path, choose, in_order, shower
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group

ROUTES = Routes()


@ROUTES.get("/groups")
def list_groups(call: Call) -> Answer:
    """Groups the caller sees, by name; `search`, `top_level_only`, `owned`, `min_access_level`."""
    search = (call.params.text("search") or "").lower()
    least = call.params.integer("min_access_level") or (Level.OWNER if call.params.flag("owned") else 0)
    found = [
        group
        for group in list(call.world.groups.values())
        if access.can_see(call.viewer(), group)
        and search in group.full_path.lower()
        and not (call.params.flag("top_level_only") and group.parent)
        and access.group_level(call.viewer(), group) >= least
    ]
    found.sort(key=lambda group: (group.name, group.id), reverse=call.params.text("sort") == "desc")
    return paged(call, found, lambda group: places.group_details(call.world, group))


@ROUTES.get("/groups/:id")
def get_group(call: Call) -> Answer:
    """One group; with `with_projects` (default) its first hundred projects."""
    group = call.group()
    shown = places.group_details(call.world, group)
    if call.params.flag("with_projects", default=True):
        visible = [one for one in list(group.projects) if access.can_see(call.viewer(), one)]
        shown["projects"] = [places.project_simple(call.world, one) for one in visible[:100]]
        shown["shared_projects"] = []
    return ok(shown)


def _groups_below(group: Group) -> list[Group]:
    return [one for one in group.tree() if one is not group]


@ROUTES.get("/groups/:id/subgroups")
def subgroups(call: Call) -> Answer:
    """Groups directly below."""
    found = [one for one in list(call.group().children) if access.can_see(call.viewer(), one)]
    return paged(call, sorted(found, key=lambda one: one.name), lambda one: places.group_details(call.world, one))


@ROUTES.get("/groups/:id/descendant_groups")
def descendants(call: Call) -> Answer:
    """Groups anywhere below."""
    found = [one for one in _groups_below(call.group()) if access.can_see(call.viewer(), one)]
    return paged(call, sorted(found, key=lambda one: one.name), lambda one: places.group_details(call.world, one))


@ROUTES.get("/groups/:id/projects")
def group_projects(call: Call) -> Answer:
    """Projects of the group, offset paging only; `include_subgroups` is false by default.

    Undeclared `last_activity_after` filters all the same, as GitLab's finder reads raw parameters.
    """
    group = call.group()
    groups = list(group.tree()) if call.params.flag("include_subgroups") else [group]
    found = choose(call, [project for one in groups for project in list(one.projects)])
    return paged(call, in_order(call, found), shower(call))


@ROUTES.post("/groups")
def create_group(call: Call) -> Answer:
    """A new group, whose Owner the caller becomes; below `parent_id` it needs a Maintainer."""
    call.params.require("name", "path")
    params, user, world = call.params, call.user(), call.world
    path, number = params.needed("path"), params.integer("parent_id")
    parent = next((one for one in list(world.groups.values()) if one.id == number), None)
    if number is not None and (parent is None or not access.can_see(user, parent)):
        raise not_found("Group")
    if parent is not None and access.group_level(user, parent) < Level.MAINTAINER:
        raise forbidden()
    check_path(path)
    full_path = f"{parent.full_path}/{path}" if parent else path
    if full_path.lower() in world.groups or full_path.lower() in world.project_paths:
        raise message(400, 'Failed to save group {:path=>["has already been taken"]}')
    made = world.create_group(full_path, params.choice("visibility", ("private", "internal", "public"), "private"))
    made.name, made.description = params.needed("name"), params.text("description") or ""
    world.add_member(made, user, Level.OWNER)
    return created(places.group_details(world, made))


@ROUTES.put("/groups/:id")
def edit_group(call: Call) -> Answer:
    """Name, description, visibility; Owner."""
    group, params = call.group(Level.OWNER), call.params
    group.name = params.text("name") or group.name
    group.description = params.text("description", group.description) or ""
    group.visibility = params.choice("visibility", ("private", "internal", "public"), group.visibility)
    return ok(places.group_details(call.world, group))
