"""Protection rules of branches and tags."""

from bot.sandbox.answers import Answer, forbidden, invalid, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import code
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.settings import AccessLevel

ROUTES = Routes()


@ROUTES.get("/projects/:id/protected_branches")
def protected_branches(call: Call) -> Answer:
    """Rules, at most 100 of them whatever the paging. Source: app/finders/protected_branches_finder.rb."""
    project = call.project(code=True)
    if call.viewer() is None:
        raise forbidden()
    search = call.params.text("search") or ""
    rules = [rule for rule in project.protected_branches if search in rule.name]
    return paged(call, rules[:100], code.protected_branch)


@ROUTES.get("/projects/:id/protected_branches/:name")
def protected_branch(call: Call) -> Answer:
    """One rule by its exact name."""
    project = call.project(code=True)
    for rule in project.protected_branches:
        if rule.name == call.arguments["name"]:
            return ok(code.protected_branch(rule))
    raise not_found()


@ROUTES.post("/projects/:id/protected_branches")
def protect_branch(call: Call) -> Answer:
    """A new rule."""
    project, params = call.project(Level.MAINTAINER), call.params
    name = params.needed("name")
    if any(rule.name == name for rule in project.protected_branches):
        raise message(409, f"Protected branch '{name}' already exists")
    push, merge = params.integer("push_access_level"), params.integer("merge_access_level")
    rule = call.world.protect_branch(
        project,
        name,
        40 if push is None else _level(push, "push_access_level"),
        40 if merge is None else _level(merge, "merge_access_level"),
        params.flag("allow_force_push"),
    )
    rule.push = _sent_rights(call, rule.push, "allowed_to_push", asked=push is not None)
    rule.merge = _sent_rights(call, rule.merge, "allowed_to_merge", asked=merge is not None)
    return created(code.protected_branch(rule))


def _sent_rights(call: Call, made: list[AccessLevel], name: str, *, asked: bool) -> list[AccessLevel]:
    """Rows of rights replace the default level; beside a level that was asked for they are added."""
    if not call.params.rows(name):
        return made
    return _changed_rights(call, made if asked else [], name)


def _level(number: int, name: str) -> int:
    if number not in (0, 30, 40, 60):
        raise invalid(f"{name} does not have a valid value")
    return number


@ROUTES.add("PATCH", "/projects/:id/protected_branches/:name")
def update_branch_rule(call: Call) -> Answer:
    """Change a rule: `allow_force_push`, and rights by `allowed_to_push` and `allowed_to_merge` rows.

    A row with `access_level` or `user_id` adds a right, one with `id` changes it, with `_destroy` removes it.
    Source: doc/api/protected_branches.md.
    """
    project, params = call.project(Level.MAINTAINER), call.params
    rule = next((one for one in project.protected_branches if one.name == call.arguments["name"]), None)
    if rule is None:
        raise not_found()
    rule.allow_force_push = params.flag("allow_force_push", rule.allow_force_push)
    rule.push = _changed_rights(call, rule.push, "allowed_to_push")
    rule.merge = _changed_rights(call, rule.merge, "allowed_to_merge")
    return ok(code.protected_branch(rule))


def _changed_rights(call: Call, known: list[AccessLevel], name: str) -> list[AccessLevel]:
    rights = {one.id: one for one in known}
    for row in call.params.rows(name):
        number, level, user = row.integer("id"), row.integer("access_level"), row.integer("user_id")
        if number is not None and number not in rights:
            raise not_found()
        if row.flag("_destroy"):
            rights.pop(number or 0, None)
            continue
        if user is not None and user not in call.world.users:
            raise message(422, ["User is not a member of the project"])
        right = AccessLevel(
            id=number or call.world.next_id("access_level"),
            access_level=Level(_level(40 if level is None else level, "access_level")),
            user_id=user,
        )
        rights[right.id] = right
    return list(rights.values())


@ROUTES.delete("/projects/:id/protected_branches/:name")
def unprotect_branch(call: Call) -> Answer:
    """Drop a rule."""
    project = call.project(Level.MAINTAINER)
    kept = [rule for rule in project.protected_branches if rule.name != call.arguments["name"]]
    if len(kept) == len(project.protected_branches):
        raise not_found()
    project.protected_branches[:] = kept
    return no_content()


@ROUTES.get("/projects/:id/protected_tags")
def protected_tags(call: Call) -> Answer:
    """Rules of the project; Maintainer."""
    call.user()
    return paged(call, list(call.project(Level.MAINTAINER).protected_tags), code.protected_tag)


@ROUTES.get("/projects/:id/protected_tags/:name")
def protected_tag(call: Call) -> Answer:
    """One rule by its exact name."""
    call.user()
    for rule in call.project(Level.MAINTAINER).protected_tags:
        if rule.name == call.arguments["name"]:
            return ok(code.protected_tag(rule))
    raise not_found()


@ROUTES.post("/projects/:id/protected_tags")
def protect_tag(call: Call) -> Answer:
    """A new rule; 422 when GitLab would not save it."""
    project, name = call.project(Level.MAINTAINER), call.params.needed("name")
    if any(rule.name == name for rule in project.protected_tags):
        raise message(422, ["Name has already been taken"])
    level = call.params.integer("create_access_level")
    rule = call.world.protect_tag(project, name, 40 if level is None else _level(level, "create_access_level"))
    rule.create = _sent_rights(call, rule.create, "allowed_to_create", asked=level is not None)
    return created(code.protected_tag(rule))


@ROUTES.delete("/projects/:id/protected_tags/:name")
def unprotect_tag(call: Call) -> Answer:
    """Drop a rule."""
    project = call.project(Level.MAINTAINER)
    kept = [rule for rule in project.protected_tags if rule.name != call.arguments["name"]]
    if len(kept) == len(project.protected_tags):
        raise not_found()
    project.protected_tags[:] = kept
    return no_content()
