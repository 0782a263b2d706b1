"""The PyPI registry: upload, simple index of project and group, download.

Source: lib/api/pypi_packages.rb, app/services/packages/pypi/create_package_service.rb,
lib/api/helpers/packages/dependency_proxy_helpers.rb.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.sandbox.answers import (
    Answer,
    bad_request,
    forbidden,
    invalid,
    message,
    not_found,
    unauthorized,
)
from bot.sandbox.auth import require_scope, token_reaches
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.downloads import send_file
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, TokenKind
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.work import Package, PackageFile

ROUTES = Routes()

SIZE_LIMIT_BYTES = 3 * 1024**3
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NAME = re.compile(r"[\w.+-]{1,255}", re.ASCII)
_CHUNK = 1 << 20


def _check_rights(call: Call, project: Project | Group, *, write: bool) -> None:
    """Deploy tokens go by their own scopes, everybody else by role. Anonymous callers are asked for credentials."""
    token = call.identity.token
    if token is not None and token.kind is TokenKind.DEPLOY:
        scope = "write_package_registry" if write else "read_package_registry"
        if scope not in token.scopes or not token_reaches(token, project):
            raise forbidden()
        return
    require_scope(call.identity, call.method)
    user = call.viewer()
    if user is None and (write or project.visibility != "public"):
        raise unauthorized()
    if token is not None and token.kind is TokenKind.JOB and isinstance(project, Project):
        reaches = access.job_token_reaches(call.world, token, project)
        if not reaches and (write or project.visibility != "public"):
            raise not_found("Project")
    if not access.can_see(user, project):
        raise not_found("Project" if isinstance(project, Project) else "Group")
    if isinstance(project, Project):
        least = Level.DEVELOPER if write else Level.GUEST
        if (write or project.visibility == "private") and access.project_level(user, project) < least:
            raise forbidden()


def _project(call: Call, *, write: bool = False) -> Project:
    key = call.arguments["id"]
    world = call.world
    found = world.projects.get(whole_number(key)) if key.isdecimal() else world.project_paths.get(key.lower())
    if found is None:
        raise unauthorized() if call.identity.token is None else not_found("Project")
    _check_rights(call, found, write=write)
    return found


def _stored(stream: BinaryIO, place: Path) -> tuple[int, str]:
    """Copy the upload to `place`; size and sha256."""
    digest, size = hashlib.sha256(), 0
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
            out.write(chunk)
    return size, digest.hexdigest()


@ROUTES.add("POST", "/projects/:id/packages/pypi", job_token=True, deploy_token=True)
def upload(call: Call) -> Answer:
    """Take one distribution. The declared digest names the download URL; it is not checked against the bytes."""
    project, params = _project(call, write=True), call.params
    missing = [name for name in ("content", "name", "version") if name not in call.files and not params.has(name)]
    if missing:
        raise invalid(", ".join(f"{name} is missing" for name in missing))
    sent = call.files.get("content")
    if sent is None:
        raise invalid("content is invalid")
    name, version = params.needed("name"), params.needed("version")
    try:
        Version(version)
    except InvalidVersion:
        raise invalid("version is invalid") from None
    digest = params.text("sha256_digest") or None
    if digest is not None and not _SHA256.fullmatch(digest):
        raise invalid("sha256_digest is invalid")
    if not name.strip():
        raise bad_request("Validation failed: Name can't be blank, Name is invalid")
    if not _NAME.fullmatch(name):
        raise bad_request("Validation failed: Name is invalid")
    number = call.world.next_id("package_file")
    place = call.world.data / "packages" / str(project.id) / str(number) / "content"
    size, sha256 = _stored(sent.stream, place)
    if size > SIZE_LIMIT_BYTES:
        raise message(400, "File is too large.")
    job = call.pipelines.job(project.id, call.identity.token.job_id or 0) if call.identity.token else None
    file = PackageFile(
        id=number,
        file_name=sent.filename,
        stored=place,
        size=size,
        sha256=sha256,
        declared_sha256=digest,
        declared_md5=params.text("md5_digest") or None,
        requires_python=params.text("requires_python") or "",
        created_at=call.world.clock.now(),
        pipeline_id=job.pipeline_id if job else None,
    )
    with call.world.lock:
        package = next((one for one in named(project, name) if one.version == version), None)
        if package is not None and any(one.file_name == file.file_name for one in package.files.values()):
            shutil.rmtree(place.parent)
            raise bad_request("Validation failed: File name has already been taken")
        if package is None:
            package = Package(
                id=call.world.next_id("package"),
                project_id=project.id,
                name=name,
                version=version,
                created_at=file.created_at,
                creator=call.viewer(),
            )
            project.packages[package.id] = package
        package.files[file.id] = file
    return Answer(status=201, body={"message": "201 Created"})


def named(project: Project, name: str) -> list[Package]:
    """Versions of a package; names compare normalised (PEP 503)."""
    wanted = canonicalize_name(name)
    return [one for one in list(project.packages.values()) if canonicalize_name(one.name) == wanted]


def _page(title: str, links: Iterable[str]) -> Answer:
    lines = "".join(f"    {link}<br>\n" for link in links)
    text = (
        f"<!DOCTYPE html>\n<html>\n  <head>\n    <title>{escape(title)}</title>\n  </head>\n"
        f"  <body>\n    <h1>{escape(title)}</h1>\n{lines}  </body>\n</html>\n"
    )
    return Answer(content=text.encode(), media_type="text/html")


def _names(base: str, projects: Iterable[Project]) -> Answer:
    names = sorted({one.name for project in projects for one in list(project.packages.values())})
    return _page(
        "Links for Group" if "/groups/" in base else "Links for Project",
        (f'<a href="{base}/simple/{canonicalize_name(name)}">{escape(name)}</a>' for name in names),
    )


def _files(call: Call, base: str, projects: Iterable[Project], *, forwards: bool) -> Answer:
    """Links to the files of a name; an absent name is redirected where forwarding is on."""
    name = call.arguments["package_name"].strip("/")
    packages = [one for project in projects for one in named(project, name)]
    if not packages:
        target = call.world.pypi_forward_url
        if forwards and target:
            location = f"{target.rstrip('/')}/{canonicalize_name(name)}/"
            return Answer(status=302, content=b"", headers={"Location": location})
        raise not_found("Package")
    links = []
    for package in packages:
        for file in package.files.values():
            url = f"{base}/files/{file.url_digest}/{file.file_name}#sha256={file.url_digest}"
            links.append(
                f'<a href="{url}" data-requires-python="{escape(file.requires_python)}">{escape(file.file_name)}</a>'
            )
    return _page(f"Links for {name}", links)


def _send(call: Call, projects: Iterable[Project]) -> Answer:
    sha, name = call.arguments["sha256"], call.arguments["file_name"]
    for project in projects:
        for package in project.packages.values():
            for file in package.files.values():
                if (file.url_digest, file.file_name) == (sha, name):
                    package.last_downloaded_at = call.world.clock.now()
                    return send_file(call, file.stored, name)
    raise not_found("Package")


def _group(call: Call) -> tuple[Group, list[Project]]:
    key = call.arguments["id"]
    groups = list(call.world.groups.values())
    found = next((one for one in groups if str(one.id) == key or one.full_path.lower() == key.lower()), None)
    if found is None:
        raise unauthorized() if call.identity.token is None else not_found("Group")
    _check_rights(call, found, write=False)
    token = call.identity.token
    deploy = token is not None and token.kind is TokenKind.DEPLOY
    projects = [one for group in found.tree() for one in list(group.projects)]
    return found, [one for one in projects if deploy or access.can_see(call.viewer(), one)]


@ROUTES.get("/projects/:id/packages/pypi/simple", job_token=True, deploy_token=True)
def project_names(call: Call) -> Answer:
    """Names in the project's registry."""
    project = _project(call)
    return _names(f"{call.base_url}/api/v4/projects/{project.id}/packages/pypi", [project])


@ROUTES.get("/projects/:id/packages/pypi/simple/*package_name", job_token=True, deploy_token=True)
def project_simple(call: Call) -> Answer:
    """Files of one name in the project's registry."""
    project = _project(call)
    base = f"{call.base_url}/api/v4/projects/{project.id}/packages/pypi"
    return _files(call, base, [project], forwards=project.namespace.forwards_pypi)


@ROUTES.get("/projects/:id/packages/pypi/files/:sha256/*file_name", job_token=True, deploy_token=True)
def project_file(call: Call) -> Answer:
    """A file's bytes."""
    return _send(call, [_project(call)])


@ROUTES.get("/groups/:id/-/packages/pypi/simple", job_token=True, deploy_token=True)
def group_names(call: Call) -> Answer:
    """Names in the registries of all projects below the group."""
    group, projects = _group(call)
    return _names(f"{call.base_url}/api/v4/groups/{group.id}/-/packages/pypi", projects)


@ROUTES.get("/groups/:id/-/packages/pypi/simple/*package_name", job_token=True, deploy_token=True)
def group_simple(call: Call) -> Answer:
    """Files of one name below the group."""
    group, projects = _group(call)
    base = f"{call.base_url}/api/v4/groups/{group.id}/-/packages/pypi"
    return _files(call, base, projects, forwards=group.forwards_pypi)


@ROUTES.get("/groups/:id/-/packages/pypi/files/:sha256/*file_name", job_token=True, deploy_token=True)
def group_file(call: Call) -> Answer:
    """A file's bytes."""
    return _send(call, _group(call)[1])
