"""Projects: the list with its filters and both pagings, one project, its settings."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from bot.sandbox.answers import Answer, Json, invalid, message
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import places
from bot.sandbox.rest.paging import keyset_by_id, paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import MERGE_METHODS, SQUASH_OPTIONS

ROUTES = Routes()

_SWITCHES = (
    "public_jobs",
    "only_allow_merge_if_pipeline_succeeds",
    "only_allow_merge_if_all_discussions_are_resolved",
    "remove_source_branch_after_merge",
    "ci_forward_deployment_enabled",
    "keep_latest_artifact",
)
_PATH = re.compile(r"[a-zA-Z0-9_.][a-zA-Z0-9_.-]{0,254}")
_BAD_PATH = "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.git' or end in '.atom'"
_ORDERS: dict[str, Callable[[Project], tuple[object, ...]]] = {
    "id": lambda one: (one.id,),
    "name": lambda one: (one.name.lower(), one.id),
    "path": lambda one: (one.path, one.id),
    "created_at": lambda one: (one.created_at, one.id),
    "updated_at": lambda one: (one.last_activity_at, one.id),
    "last_activity_at": lambda one: (one.last_activity_at, one.id),
    "similarity": lambda one: (one.name.lower(), one.id),
    "star_count": lambda one: (one.id,),
}


def moment(call: Call, name: str) -> datetime | None:
    """A time parameter. Raises: RefusalError (400)."""
    text = call.params.text(name)
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        parsed.astimezone(UTC)  # the first and the last day of the calendar have no UTC in every zone
    except (ValueError, OverflowError):
        raise invalid(f"{name} is invalid") from None
    return parsed


def chooser(call: Call) -> Callable[[Project], bool]:
    """Whether the caller sees a project and it passes the filters of the request. Time bounds are strict."""
    params, viewer = call.params, call.viewer()
    after, before = moment(call, "last_activity_after"), moment(call, "last_activity_before")
    search = (params.text("search") or "").lower()
    topics = set(params.texts("topic"))
    visibility = params.one_of("visibility", ("private", "internal", "public"))
    archived = params.flag("archived") if params.has("archived") else None
    least = params.integer("min_access_level") or (Level.OWNER if params.flag("owned") else 0)
    id_after, id_before = params.integer("id_after"), params.integer("id_before")
    membership = params.flag("membership")

    def passes(one: Project) -> bool:
        return (
            (after is None or one.last_activity_at > after)
            and (before is None or one.last_activity_at < before)
            and (not search or search in one.name.lower() or search in one.path.lower())
            and topics <= set(one.topics)
            and (visibility is None or one.visibility == visibility)
            and (archived is None or one.archived == archived)
            and (id_after is None or one.id > id_after)
            and (id_before is None or one.id < id_before)
            and access.can_see(viewer, one)
            and (not membership or (viewer is not None and access.is_member(viewer, one)))
            and (not least or access.project_level(viewer, one) >= least)
        )

    return passes


def choose(call: Call, projects: Iterable[Project]) -> list[Project]:
    """Those of `projects` that `chooser` lets through."""
    return list(filter(chooser(call), projects))


def in_order(call: Call, projects: list[Project]) -> list[Project]:
    """Sorted by `order_by` and `sort`; newest first by default."""
    order = call.params.choice("order_by", _ORDERS, "created_at")
    falling = call.params.choice("sort", ("asc", "desc"), "desc") == "desc"
    return sorted(projects, key=_ORDERS[order], reverse=falling)


def shower(call: Call) -> Callable[[Project], Json]:
    """How a row of a list looks: simple for `simple=true` and for anonymous callers."""
    viewer = call.viewer()
    if call.params.flag("simple") or viewer is None:
        return lambda one: places.project_simple(call.world, one)
    return lambda one: places.project_details(call.world, one, access.project_level(viewer, one), viewer.id)


@ROUTES.get("/projects")
def list_projects(call: Call) -> Answer:
    """Projects the caller sees. Keyset paging goes by id only."""
    projects = list(call.world.projects.values())
    if call.params.text("pagination") == "keyset":
        return keyset_by_id(call, projects, lambda one: one.id, shower(call), keep=chooser(call))
    return paged(call, in_order(call, choose(call, projects)), shower(call))


@ROUTES.get("/projects/:id")
def get_project(call: Call) -> Answer:
    """One project, by id or encoded path."""
    project, viewer = call.project(), call.viewer()
    if viewer is None:
        return ok(places.project_simple(call.world, project))
    return ok(places.project_details(call.world, project, call.level(project), viewer.id))


def check_path(path: str) -> None:
    """Raises: RefusalError (400) for what cannot be a part of a URL. Source: lib/gitlab/path_regex.rb."""
    if not _PATH.fullmatch(path) or path.endswith((".git", ".atom")):
        raise message(400, {"path": [_BAD_PATH]})


@ROUTES.post("/projects")
def create_project(call: Call) -> Answer:
    """A new project in a group (`namespace_id`) whose Developer the caller is."""
    user, params, world = call.user(), call.params, call.world
    if not params.has("name") and not params.has("path"):
        raise invalid("name, path are missing, at least one parameter must be provided")
    number = params.integer("namespace_id")
    group = next((one for one in list(world.groups.values()) if one.id == number), None)
    if group is None or access.group_level(user, group) < Level.DEVELOPER:
        raise message(400, {"namespace": ["is not valid"]})
    path = params.text("path") or (params.text("name") or "").lower().replace(" ", "-")
    check_path(path)
    full_path = f"{group.full_path}/{path}"
    if full_path.lower() in world.project_paths:
        raise message(
            400, {"name": ["has already been taken"], "path": ["has already been taken"], "project_namespace.name": []}
        )
    files = {"README.md": f"# {path}\n"} if params.flag("initialize_with_readme") else None
    visibility = params.choice("visibility", ("private", "internal", "public"), "private")
    made = world.create_project(full_path, visibility, files, creator=user)
    made.name = params.text("name") or path
    made.description = params.text("description") or ""
    made.topics = params.texts("topics")
    world.add_member(made, user, Level.OWNER)
    _apply_settings(call, made)
    return created(places.project_details(world, made, Level.OWNER, user.id))


def _apply_settings(call: Call, project: Project) -> None:
    """Take over the settings the request sends. Raises: RefusalError (400)."""
    params, chosen = call.params, project.settings
    role = params.choice(
        "ci_pipeline_variables_minimum_override_role",
        ("no_one_allowed", "developer", "maintainer", "owner"),
        project.pipeline_variables_role,
    )
    if params.has("restrict_user_defined_variables") and not params.has("ci_pipeline_variables_minimum_override_role"):
        restricted = params.flag("restrict_user_defined_variables")
        role = ("maintainer" if role == "developer" else role) if restricted else "developer"
    if role == "owner" != project.pipeline_variables_role and call.level(project) < Level.OWNER:
        raise message(400, "Changing the ci_pipeline_variables_minimum_override_role to the owner role is not allowed")
    project.pipeline_variables_role = role
    chosen.merge_method = params.choice("merge_method", MERGE_METHODS, chosen.merge_method)
    chosen.squash_option = params.choice("squash_option", SQUASH_OPTIONS, chosen.squash_option)
    for name in _SWITCHES:
        setattr(chosen, name, params.flag(name, getattr(chosen, name)))
    chosen.ci_config_path = params.text("ci_config_path", chosen.ci_config_path) or ""
    chosen.outbound_enabled = params.flag("ci_job_token_scope_enabled", chosen.outbound_enabled)


@ROUTES.put("/projects/:id")
def edit_project(call: Call) -> Answer:
    """Change what a maintainer may change."""
    project, params = call.project(Level.MAINTAINER), call.params
    project.name = params.text("name") or project.name
    project.description = params.text("description", project.description) or ""
    branch = params.text("default_branch")
    if branch and not project.git.empty() and project.git.branch(branch) is None:
        raise message(400, {"base": ["Could not set the default branch"]})
    project.default_branch = branch or project.default_branch
    project.visibility = params.choice("visibility", ("private", "internal", "public"), project.visibility)
    if params.has("topics"):
        project.topics = params.texts("topics")
    _apply_settings(call, project)
    return ok(places.project_details(call.world, project, call.level(project), call.user().id))


@ROUTES.delete("/projects/:id")
def delete_project(call: Call) -> Answer:
    """Gone at once; GitLab answers 202 for the work it schedules."""
    call.world.remove_project(call.project(Level.OWNER))
    return Answer(status=202, body={"message": "202 Accepted"})


@ROUTES.post("/projects/:id/archive")
def archive(call: Call) -> Answer:
    """Archive the project."""
    project = call.project(Level.OWNER)
    project.archived = True
    return created(places.project_details(call.world, project, call.level(project), call.user().id))


@ROUTES.post("/projects/:id/unarchive")
def unarchive(call: Call) -> Answer:
    """Take it out of the archive."""
    project = call.project(Level.OWNER)
    project.archived = False
    return created(places.project_details(call.world, project, call.level(project), call.user().id))
