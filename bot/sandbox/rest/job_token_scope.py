"""Which projects' job tokens open a project.

Source: lib/api/project_job_token_scope.rb, app/models/ci/job_token/scope.rb.
"""

from bot.sandbox.answers import Answer, invalid, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import places
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()

ALLOWLIST_LIMIT = 200
_PATH = "/projects/:id/job_token_scope"


@ROUTES.get(_PATH)
def get_scope(call: Call) -> Answer:
    """Whether the allowlist counts (inbound), and the old outbound setting; Maintainer."""
    chosen = call.project(Level.MAINTAINER).settings
    return ok({"inbound_enabled": chosen.inbound_enabled, "outbound_enabled": chosen.outbound_enabled})


@ROUTES.add("PATCH", _PATH)
def set_scope(call: Call) -> Answer:
    """Switch the allowlist on or off; 204."""
    call.params.require("enabled")
    project = call.project(Level.MAINTAINER)
    if not call.params.text("enabled"):
        raise invalid("enabled is empty")
    project.settings.inbound_enabled = call.params.flag("enabled")
    return no_content()


@ROUTES.get(f"{_PATH}/allowlist")
def allowed_projects(call: Call) -> Answer:
    """The project itself, and those it lets in."""
    project = call.project(Level.MAINTAINER)
    known = [call.world.projects.get(number) for number in sorted(project.settings.allowed_projects)]
    rows = [project, *(each for each in known if each is not None)]
    return paged(call, rows, lambda one: places.project_simple(call.world, one))


def _room(project: Project) -> None:
    if len(project.settings.allowed_projects) + len(project.settings.allowed_groups) >= ALLOWLIST_LIMIT:
        raise message(
            422, "Validation failed: Source project exceeds the allowable number of project links in this scope"
        )


@ROUTES.post(f"{_PATH}/allowlist")
def allow_project(call: Call) -> Answer:
    """Let a project in, which the caller must see; 422 when it is in."""
    call.params.require("target_project_id")
    project, number = call.project(Level.MAINTAINER), call.params.integer("target_project_id") or 0
    target = call.world.projects.get(number)
    if target is None or not call.sees(target):
        raise not_found("Project")
    if number == project.id:
        raise message(422, "Validation failed: Target project can't be the same as the source project")
    if number in project.settings.allowed_projects:
        raise message(422, "This project is already in the job token allowlist.")
    _room(project)
    project.settings.allowed_projects.add(number)
    return created({"source_project_id": project.id, "target_project_id": number})


@ROUTES.delete(f"{_PATH}/allowlist/:target_project_id")
def disallow_project(call: Call) -> Answer:
    """Shut a project out again."""
    project, number = call.project(Level.MAINTAINER), call.number("target_project_id")
    if number not in project.settings.allowed_projects:
        raise not_found()
    project.settings.allowed_projects.remove(number)
    return no_content()


@ROUTES.get(f"{_PATH}/groups_allowlist")
def allowed_groups(call: Call) -> Answer:
    """Groups whose projects are let in."""
    chosen = call.project(Level.MAINTAINER).settings
    rows = [group for group in list(call.world.groups.values()) if group.id in chosen.allowed_groups]
    return paged(
        call,
        rows,
        lambda one: {
            "id": one.id,
            "web_url": f"{call.base_url}/groups/{one.full_path}",
            "name": one.name,
        },
    )


@ROUTES.post(f"{_PATH}/groups_allowlist")
def allow_group(call: Call) -> Answer:
    """Let a group in."""
    call.params.require("target_group_id")
    project, number = call.project(Level.MAINTAINER), call.params.integer("target_group_id") or 0
    target = next((group for group in list(call.world.groups.values()) if group.id == number), None)
    if target is None or not call.sees(target):
        raise not_found("Group")
    if number in project.settings.allowed_groups:
        raise message(422, "This group is already in the job token allowlist.")
    _room(project)
    project.settings.allowed_groups.add(number)
    return created({"source_project_id": project.id, "target_group_id": number})


@ROUTES.delete(f"{_PATH}/groups_allowlist/:target_group_id")
def disallow_group(call: Call) -> Answer:
    """Shut a group out again."""
    project, number = call.project(Level.MAINTAINER), call.number("target_group_id")
    if number not in project.settings.allowed_groups:
        raise not_found()
    project.settings.allowed_groups.remove(number)
    return no_content()
