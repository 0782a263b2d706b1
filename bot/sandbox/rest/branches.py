"""Branches and tags."""

from datetime import timedelta

from bot.sandbox.answers import Answer, message, not_found
from bot.sandbox.git import changes
from bot.sandbox.git.changes import BLANK, valid_ref_name
from bot.sandbox.git.repository import Ref
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import code
from bot.sandbox.rest.paging import keyset_by_name, paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access, flow
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()

LIST_LIFETIME = timedelta(seconds=30)
"""How long a list of branches may be stale."""


def _searched(refs: list[Ref], search: str | None) -> list[Ref]:
    """`search`: part of the name, or `^begin`, `end$`. Source: doc/api/tags.md."""
    if not search:
        return refs
    if search.startswith("^"):
        return [ref for ref in refs if ref.name.startswith(search[1:])]
    if search.endswith("$"):
        return [ref for ref in refs if ref.name.endswith(search[:-1])]
    return [ref for ref in refs if search.lower() in ref.name.lower()]


@ROUTES.get("/projects/:id/repository/branches", job_token=True)
def list_branches(call: Call) -> Answer:
    """Branches by name; `search`, `regex` is not offered. The same question gets the same answer for 30 seconds.

    Source: lib/api/branches.rb (`cache_action`).
    """
    project, now = call.project(code=True), call.world.clock.now()
    viewer = call.viewer()
    key = (viewer.id if viewer else None, tuple(sorted(call.query)))
    known = project.branch_lists.get(key)
    if known is None or not now - LIST_LIFETIME < known[0] <= now:
        known = (now, _branches(call, project))
        fresh = {name: one for name, one in project.branch_lists.items() if now - LIST_LIFETIME < one[0] <= now}
        project.branch_lists = {**fresh, key: known}
    return known[1]


def _branches(call: Call, project: Project) -> Answer:
    found = _searched(project.git.branches(), call.params.text("search"))

    def show(ref: Ref) -> dict[str, object]:
        commit = project.git.commits([ref.commit])[ref.commit]
        return code.branch(call.world, project, ref, commit, call.viewer())

    if call.params.text("pagination") == "keyset":
        return keyset_by_name(call, found, lambda ref: ref.name, show)
    return paged(call, found, show)


@ROUTES.get("/projects/:id/repository/branches/:branch", job_token=True)
def get_branch(call: Call) -> Answer:
    """One branch."""
    project = call.project(code=True)
    ref = project.git.branch(call.arguments["branch"])
    if ref is None:
        raise not_found("Branch")
    commit = project.git.commits([ref.commit])[ref.commit]
    return ok(code.branch(call.world, project, ref, commit, call.viewer()))


@ROUTES.post("/projects/:id/repository/branches")
def create_branch(call: Call) -> Answer:
    """A new branch at `ref`."""
    project, user = call.project(Level.DEVELOPER), call.user()
    call.params.require("branch", "ref")
    name, ref = call.params.needed("branch"), call.params.needed("ref")
    target = project.git.resolve(ref)
    if not valid_ref_name(name):
        raise message(400, "Branch name is invalid")
    if project.git.branch(name) is not None:
        raise message(400, "Branch already exists")
    if target is None:
        raise message(400, f"Invalid reference name: {ref}")
    if not access.can_merge_branch(user, project, name):
        raise message(403, "You are not allowed to create protected branches on this project.")
    change = changes.set_ref(project.git, f"refs/heads/{name}", target, BLANK)
    call.world.activity.pushed(project, user, [change])
    made = project.git.refs()[change.ref]
    return created(code.branch(call.world, project, made, project.git.commits([target])[target], user))


@ROUTES.delete("/projects/:id/repository/branches/:branch")
def delete_branch(call: Call) -> Answer:
    """Remove a branch; protected ones only by the web interface."""
    project, name = call.project(Level.DEVELOPER), call.arguments["branch"]
    if project.git.branch(name) is None:
        raise not_found("Branch")
    if name == project.default_branch:
        raise message(400, "Cannot remove the default branch")
    if project.protects(name, tag=False):
        raise message(403, "Protected branch can not be removed")
    flow.remove_ref(call.world, project, f"refs/heads/{name}", call.user())
    return no_content()


def _version_key(ref: Ref) -> list[tuple[int, int, str]]:
    parts = ref.name.replace("-", ".").replace("_", ".").split(".")
    return [(1, int(part.lstrip("v")), "") if part.lstrip("v").isdigit() else (0, 0, part) for part in parts]


def _show_tag(call: Call, project: Project, ref: Ref) -> dict[str, object]:
    return code.tag(call.world, project, ref, project.git.commits([ref.commit])[ref.commit])


@ROUTES.get("/projects/:id/repository/tags", job_token=True)
def list_tags(call: Call) -> Answer:
    """Tags by `order_by` (updated, name, version), newest first by default.

    `updated` is the tagger's date, or the commit's for a lightweight tag: a new tag on an old commit is not first.
    """
    project, params = call.project(code=True), call.params
    order = params.choice("order_by", ("updated", "name", "version"), "updated")
    falling = params.choice("sort", ("asc", "desc"), "desc") == "desc"
    found = _searched(project.git.tags(), params.text("search"))
    if order == "name":
        found.sort(key=lambda ref: ref.name, reverse=falling)
    elif order == "version":
        found.sort(key=_version_key, reverse=falling)
    else:
        found.sort(key=lambda ref: ref.created, reverse=falling)
    project.git.commits([ref.commit for ref in found])  # one reading for all rows
    if params.text("pagination") == "keyset":
        return keyset_by_name(call, found, lambda ref: ref.name, lambda ref: _show_tag(call, project, ref))
    return paged(call, found, lambda ref: _show_tag(call, project, ref))


@ROUTES.get("/projects/:id/repository/tags/:tag_name", job_token=True)
def get_tag(call: Call) -> Answer:
    """One tag."""
    project = call.project(code=True)
    ref = project.git.tag(call.arguments["tag_name"])
    if ref is None:
        raise not_found("Tag")
    return ok(_show_tag(call, project, ref))


@ROUTES.post("/projects/:id/repository/tags")
def create_tag(call: Call) -> Answer:
    """A new tag: annotated with `message`, else lightweight."""
    call.params.require("tag_name", "ref")
    project, user = call.project(Level.DEVELOPER), call.user()
    name, ref = call.params.needed("tag_name"), call.params.needed("ref")
    if not access.can_create_tag(user, project, name):
        raise message(400, "You are not allowed to create this tag as it is protected.")
    if not valid_ref_name(name):
        raise message(400, "Tag name invalid")
    if project.git.tag(name) is not None:
        raise message(400, f"Tag {name} already exists")
    if project.git.resolve(ref) is None:
        raise message(400, f"Target {ref} is invalid")
    flow.create_tag(call.world, project, name, ref, user, call.params.text("message") or "")
    return created(_show_tag(call, project, project.git.refs()[f"refs/tags/{name}"]))


@ROUTES.delete("/projects/:id/repository/tags/:tag_name")
def delete_tag(call: Call) -> Answer:
    """Remove a tag and with it its release; a protected one needs the right to create it."""
    project, name = call.project(Level.DEVELOPER), call.arguments["tag_name"]
    if project.git.tag(name) is None:
        raise not_found("Tag")
    if project.protects(name, tag=True) and not access.can_create_tag(call.user(), project, name):
        raise message(403, "You don't have access to delete the tag")
    flow.remove_ref(call.world, project, f"refs/tags/{name}", call.user())
    return no_content()
