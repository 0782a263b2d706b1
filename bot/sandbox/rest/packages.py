"""Packages and their files. Source: lib/api/{project_packages,group_packages,package_files}.rb."""

from collections.abc import Callable

from bot.sandbox.answers import Answer, Json, no_record, not_found
from bot.sandbox.rest.call import Call, no_content, ok
from bot.sandbox.rest.downloads import send_file
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Package, PackageFile

ROUTES = Routes()

_TYPES = (
    *("maven", "npm", "conan", "nuget", "pypi", "composer", "generic", "golang", "debian", "rubygems", "helm"),
    *("terraform_module", "rpm", "ml_model", "cargo"),
)
_STATUSES = ("default", "hidden", "processing", "error", "pending_destruction", "deprecated")


def _show(call: Call, project: Project, one: Package) -> Json:
    shown: Json = {
        "id": one.id,
        "name": one.name,
        "version": one.version,
        "package_type": "pypi",
        "status": one.status,
        "_links": {
            "web_path": f"/{project.full_path}/-/packages/{one.id}",
            "delete_api_path": f"{call.base_url}/api/v4/projects/{project.id}/packages/{one.id}",
        },
        "created_at": stamp(one.created_at),
        "last_downloaded_at": stamp_or_none(one.last_downloaded_at),
        "creator_id": one.creator.id if one.creator else None,
        "tags": [],
    }
    numbers = {file.pipeline_id for file in one.files.values() if file.pipeline_id is not None}
    pipes = [call.pipelines.pipeline(project.id, number) for number in sorted(numbers)]
    rows = [ci.pipeline_basic(call.world, project, pipe) for pipe in pipes if pipe]
    if rows:
        shown |= {"pipeline": rows[-1], "pipelines": rows}
    return shown


def _versions(project: Project, one: Package) -> list[Json]:
    others = [other for other in project.packages.values() if other.name == one.name and other is not one]
    return [
        {"id": other.id, "version": other.version, "created_at": stamp(other.created_at), "tags": []}
        for other in others
    ]


def _chosen(call: Call, projects: list[Project]) -> list[tuple[Project, Package]]:
    """Filters: type, name (fuzzy), version, status; by `created_at` ascending."""
    params = call.params
    name, version = (params.text("package_name") or "").lower(), params.text("package_version")
    kind, status = params.one_of("package_type", _TYPES), params.one_of("status", _STATUSES)
    rows = [
        (project, one)
        for project in projects
        for one in list(project.packages.values())
        if kind in (None, "pypi")
        and name in one.name.lower()
        and version in (None, one.version)
        and status in (None, one.status)
    ]
    orders: dict[str, Callable[[tuple[Project, Package]], tuple[object, ...]]] = {
        "created_at": lambda row: (row[1].created_at, row[1].id),
        "name": lambda row: (row[1].name, row[1].id),
        "version": lambda row: (row[1].version, row[1].id),
        "type": lambda row: (row[1].id,),
        "project_path": lambda row: (row[0].full_path, row[1].id),
    }
    order = orders[params.choice("order_by", orders, "created_at")]
    return sorted(rows, key=order, reverse=params.choice("sort", ("asc", "desc"), "asc") == "desc")


@ROUTES.get("/projects/:id/packages", job_token=True)
def list_packages(call: Call) -> Answer:
    """Packages of a project."""
    project = call.project()
    return paged(call, _chosen(call, [project]), lambda row: _show(call, *row))


@ROUTES.get("/groups/:id/packages")
def list_group_packages(call: Call) -> Answer:
    """Packages of all projects below a group that the caller sees."""
    group = call.group()
    groups = [group] if call.params.flag("exclude_subgroups") else list(group.tree())
    projects = [one for each in groups for one in list(each.projects) if access.can_see(call.viewer(), one)]
    return paged(
        call,
        _chosen(call, projects),
        lambda row: _show(call, *row) | {"project_id": row[0].id, "project_path": row[0].full_path},
    )


def _package(call: Call, project: Project) -> Package:
    one = project.packages.get(call.number("package_id"))
    if one is None:
        raise no_record()
    return one


@ROUTES.get("/projects/:id/packages/:package_id", job_token=True)
def get_package(call: Call) -> Answer:
    """One package with its other versions."""
    project = call.project()
    one = _package(call, project)
    return ok(_show(call, project, one) | {"versions": _versions(project, one)})


@ROUTES.delete("/projects/:id/packages/:package_id", job_token=True)
def delete_package(call: Call) -> Answer:
    """Remove a package and its files."""
    project = call.project(Level.MAINTAINER)
    del project.packages[_package(call, project).id]
    return no_content()


def _show_file(call: Call, project: Project, package: Package, one: PackageFile) -> Json:
    pipe = call.pipelines.pipeline(project.id, one.pipeline_id) if one.pipeline_id else None
    return {
        "id": one.id,
        "package_id": package.id,
        "created_at": stamp(one.created_at),
        "file_name": one.file_name,
        "size": one.size,
        "file_md5": one.declared_md5,
        "file_sha1": None,
        "file_sha256": one.declared_sha256,
        "pipelines": [ci.pipeline_basic(call.world, project, pipe)] if pipe else [],
    }


@ROUTES.get("/projects/:id/packages/:package_id/package_files", job_token=True)
def package_files(call: Call) -> Answer:
    """Files of a package."""
    project = call.project()
    package = _package(call, project)
    return paged(call, list(package.files.values()), lambda one: _show_file(call, project, package, one))


def _file(call: Call, package: Package) -> PackageFile:
    one = package.files.get(call.number("package_file_id"))
    if one is None:
        raise not_found()
    return one


@ROUTES.get("/projects/:id/packages/:package_id/package_files/:package_file_id/download", job_token=True)
def download(call: Call) -> Answer:
    """A file's bytes."""
    one = _file(call, _package(call, call.project()))
    return send_file(call, one.stored, one.file_name)


@ROUTES.delete("/projects/:id/packages/:package_id/package_files/:package_file_id", job_token=True)
def delete_file(call: Call) -> Answer:
    """Remove one file."""
    project = call.project(Level.MAINTAINER)
    package = _package(call, project)
    del package.files[_file(call, package).id]
    return no_content()
