"""Protection rules of branches and tags."""

from bot.sandbox.answers import Answer, forbidden, invalid, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import code
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level

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
    return created(code.protected_branch(rule))


def _level(number: int, name: str) -> int:
    if number not in (0, 30, 40, 60):
        raise invalid(f"{name} does not have a valid value")
    return number


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
    return paged(call, list(call.project(Level.MAINTAINER).protected_tags), code.protected_tag)


@ROUTES.get("/projects/:id/protected_tags/:name")
def protected_tag(call: Call) -> Answer:
    """One rule by its exact name."""
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
