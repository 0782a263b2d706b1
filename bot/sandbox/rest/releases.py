"""Releases and their links. Source: app/services/releases/*, app/policies/release_policy.rb, lib/api/releases.rb."""

import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from bot.sandbox.answers import Answer, Json, forbidden, invalid, message, not_found
from bot.sandbox.git.changes import valid_ref_name
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.params import Params
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access, flow
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Milestone, Release, ReleaseLink

ROUTES = Routes()

DESCRIPTION_LIMIT = 1_000_000
NAME_LIMIT = 255
FILEPATH_LIMIT = 128
LINK_TYPES = ("other", "runbook", "image", "package")
_BOTH = "Cannot specify milestones and milestone_ids at the same time"
_FILEPATH = re.compile(r"/(?:[\w\-.~]+/)*[\w\-.~]+")


def _show(call: Call, project: Project, one: Release) -> Json:
    commit = project.git.commit(one.sha)
    detailed = access.can_read_code(call.viewer(), project)
    return work.release(call.world, project, one, commit, detailed=detailed)


def _found(call: Call, project: Project) -> Release:
    one = project.releases.get(call.arguments["tag_name"])
    if one is None:
        if call.level(project) < Level.DEVELOPER and project.visibility == "private":
            raise forbidden()
        raise not_found()
    return one


def _may_touch_tag(call: Call, project: Project, tag: str) -> bool:
    return access.can_create_tag(call.user(), project, tag)


@ROUTES.get("/projects/:id/releases", job_token=True)
def list_releases(call: Call) -> Answer:
    """Releases by `order_by` (released_at, created_at), newest first."""
    project = call.project()
    order = call.params.choice("order_by", ("released_at", "created_at"), "released_at")
    falling = call.params.choice("sort", ("asc", "desc"), "desc") == "desc"

    def when(one: Release) -> datetime:
        return one.released_at if order == "released_at" else one.created_at

    rows = sorted(project.releases.values(), key=when, reverse=falling)
    return paged(call, rows, lambda one: _show(call, project, one))


@ROUTES.get("/projects/:id/releases/:tag_name", job_token=True)
def get_release(call: Call) -> Answer:
    """The release of a tag."""
    project = call.project()
    return ok(_show(call, project, _found(call, project)))


@ROUTES.get("/projects/:id/releases/permalink/latest", job_token=True)
def latest_release(call: Call) -> Answer:
    """302 to the release with the newest `released_at`; the rest of the path and the query go along."""
    project = call.project()
    newest = max(project.releases.values(), key=lambda one: one.released_at, default=None)
    if newest is None:
        raise not_found()
    suffix = "/" + call.arguments["suffix"] if "suffix" in call.arguments else ""
    query = urlencode([pair for pair in call.query if pair[0] != "order_by"])
    path = f"/api/v4/projects/{project.id}/releases/{quote(newest.tag, safe='')}{suffix}"
    return Answer(status=302, content=b"", headers={"Location": path + (f"?{query}" if query else "")})


ROUTES.get("/projects/:id/releases/permalink/latest/*suffix", job_token=True)(latest_release)


def _milestones(call: Call, project: Project) -> list[Milestone]:
    """The milestones of `milestones` (titles) or `milestone_ids`. Raises: RefusalError (400)."""
    params, known = call.params, list(project.milestones.values())
    if params.texts("milestones") and params.texts("milestone_ids"):
        raise invalid(f"milestones, milestone_ids {_BOTH}")
    for name, key in (("milestones", "title"), ("milestone_ids", "id")):
        wanted = params.texts(name)
        found = [one for one in known if str(getattr(one, key)) in wanted]
        missing = [text for text in wanted if text not in [str(getattr(one, key)) for one in found]]
        if missing:
            label = "Milestone(s)" if key == "title" else "Milestone id(s)"
            raise message(400, f"{label} not found: {', '.join(missing)}")
        if wanted:
            return found
    return []


@ROUTES.post("/projects/:id/releases", job_token=True)
def create_release(call: Call) -> Answer:
    """Record a release; with `ref` the tag is created when it is missing.

    The tag is made before the release is saved, and stays when that is refused. Source: create_service.rb.
    """
    call.params.require("tag_name")
    project, params = call.project(Level.DEVELOPER), call.params
    tag, released = params.needed("tag_name"), moment(call, "released_at")
    name, description = params.text("name") or tag, params.text("description") or ""
    links = [_sent_link(call, row, None) for row in params.nested("assets").rows("links")]
    if not _may_touch_tag(call, project, tag):
        raise message(403, "You are not allowed to create this tag as it is protected.")
    with call.world.lock:
        if tag in project.releases:
            raise message(409, "Release already exists")
        milestones = _milestones(call, project)
        _ensure_tag(call, project, tag)
        errors = _faults(name, description) | _link_faults(links)
        if errors:
            told = (f"{field.capitalize()} {text}" for field, texts in errors.items() for text in texts)
            raise message(400, f"Validation failed: {', '.join(told)}")
        sha = project.git.refs()[f"refs/tags/{tag}"].commit
        one = flow.create_release(call.world, project, tag, sha, name, description, call.user())
    one.released_at = released or one.released_at
    one.links.update((link.id, link) for link in links)
    one.milestones = milestones
    call.world.activity.release(project, one, "create")
    return created(_show(call, project, one))


def _ensure_tag(call: Call, project: Project, tag: str) -> None:
    """Make the tag from `ref` when it is missing. Raises: RefusalError."""
    if project.git.tag(tag) is not None:
        return
    ref = call.params.text("ref")
    if ref is None:
        raise message(422, "Ref is not specified")
    if not valid_ref_name(tag):
        raise message(400, "Tag name invalid")
    try:
        flow.create_tag(call.world, project, tag, ref, call.user(), call.params.text("tag_message") or "")
    except ValueError as error:
        raise message(400, str(error)) from None


def _faults(name: str, description: str) -> dict[str, list[str]]:
    """What the model has against a release. Source: app/models/release.rb."""
    limits = {"description": (description, DESCRIPTION_LIMIT), "name": (name, NAME_LIMIT)}
    return {
        field: [f"is too long (maximum is {limit} characters)"]
        for field, (text, limit) in limits.items()
        if len(text) > limit
    }


def _link_faults(links: list[ReleaseLink]) -> dict[str, list[str]]:
    """What the model has against the links of a new release, as its sentences put it."""
    found: dict[str, list[str]] = {}
    for link in links:
        for field, texts in _faults_of(link, ()).items():
            found.setdefault(f"links {field}", texts)
    for field in ("name", "url", "filepath"):
        values = [getattr(link, field) for link in links if getattr(link, field)]
        if len(values) != len(set(values)):
            found["links"] = [f"have duplicate values ({field})"]
    return found


@ROUTES.put("/projects/:id/releases/:tag_name", job_token=True)
def update_release(call: Call) -> Answer:
    """Change name, description, `released_at`, milestones; all of it or nothing."""
    project, params = call.project(Level.DEVELOPER), call.params
    one, released = _found(call, project), moment(call, "released_at")
    if not _may_touch_tag(call, project, one.tag):
        raise forbidden()
    name, description = params.text("name") or one.name, params.text("description", one.description) or ""
    milestones = one.milestones
    if params.has("milestones") or params.has("milestone_ids"):
        milestones = _milestones(call, project)
    errors = _faults(name, description)
    if errors:
        raise message(400, dict(errors))
    one.name, one.description, one.milestones = name, description, milestones
    one.released_at = released or one.released_at
    call.world.activity.release(project, one, "update")
    return ok(_show(call, project, one))


@ROUTES.delete("/projects/:id/releases/:tag_name", job_token=True)
def delete_release(call: Call) -> Answer:
    """Drop the release; the tag stays."""
    project = call.project(Level.DEVELOPER)
    one = _found(call, project)
    if not _may_touch_tag(call, project, one.tag):
        raise forbidden()
    del project.releases[one.tag]
    call.world.activity.release(project, one, "delete")
    return ok(_show(call, project, one))


def _sent_link(call: Call, row: Params, known: ReleaseLink | None) -> ReleaseLink:
    """A link with the sent fields over `known`. Raises: RefusalError (400) for a parameter that is none."""
    if known is None:
        row.require("name", "url")
    path = row.text("direct_asset_path") or row.text("filepath") or (known.filepath if known else None)
    return ReleaseLink(
        id=known.id if known else call.world.next_id("release_link"),
        name=row.text("name") or (known.name if known else ""),
        url=row.text("url") or (known.url if known else ""),
        link_type=row.choice("link_type", LINK_TYPES, known.link_type if known else "other"),
        filepath=path,
    )


def _faults_of(link: ReleaseLink, others: Iterable[ReleaseLink]) -> dict[str, list[str]]:
    """What the model has against a link. Source: app/models/releases/link.rb."""
    errors: dict[str, list[str]] = {}
    if not link.name.strip():
        errors["name"] = ["can't be blank"]
    elif len(link.name) > NAME_LIMIT:
        errors["name"] = [f"is too long (maximum is {NAME_LIMIT} characters)"]
    if not _allowed(link.url):
        errors["url"] = ["is blocked: Only allowed schemes are http, https, ftp"]
    if link.filepath is not None and len(link.filepath) > FILEPATH_LIMIT:
        errors["filepath"] = [f"is too long (maximum is {FILEPATH_LIMIT} characters)"]
    elif link.filepath is not None and not _FILEPATH.fullmatch(link.filepath):
        errors["filepath"] = ["is in an invalid format"]
    for other in others:
        for field in ("name", "url", "filepath"):
            if getattr(other, field) == getattr(link, field) is not None:
                errors.setdefault(field, []).append("has already been taken")
    return errors


def _allowed(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https", "ftp")
    except ValueError:
        return False


def _checked_link(call: Call, row: Params, release: Release, known: ReleaseLink | None = None) -> ReleaseLink:
    """A link that the release can take. Raises: RefusalError (400)."""
    link = _sent_link(call, row, known)
    errors = _faults_of(link, [other for other in release.links.values() if other is not known])
    if errors:
        raise message(400, dict(errors))
    return link


def _link(call: Call, release: Release) -> ReleaseLink:
    one = release.links.get(call.number("link_id"))
    if one is None:
        raise not_found()
    return one


@ROUTES.get("/projects/:id/releases/:tag_name/assets/links", job_token=True)
def list_links(call: Call) -> Answer:
    """Links of a release, newest first."""
    project = call.project()
    one = _found(call, project)
    rows = list(reversed(one.links.values()))
    return paged(call, rows, lambda link: work.release_link(call.world, project, one, link))


@ROUTES.get("/projects/:id/releases/:tag_name/assets/links/:link_id", job_token=True)
def get_link(call: Call) -> Answer:
    """One link."""
    project = call.project()
    one = _found(call, project)
    return ok(work.release_link(call.world, project, one, _link(call, one)))


@ROUTES.post("/projects/:id/releases/:tag_name/assets/links", job_token=True)
def create_link(call: Call) -> Answer:
    """Add a link."""
    project = call.project(Level.DEVELOPER)
    one = _found(call, project)
    if not _may_touch_tag(call, project, one.tag):
        raise forbidden()
    with call.world.lock:
        link = _checked_link(call, call.params, one)
        one.links[link.id] = link
    return created(work.release_link(call.world, project, one, link))


@ROUTES.put("/projects/:id/releases/:tag_name/assets/links/:link_id", job_token=True)
def update_link(call: Call) -> Answer:
    """Change a link."""
    project = call.project(Level.DEVELOPER)
    one = _found(call, project)
    if not _may_touch_tag(call, project, one.tag):
        raise forbidden()
    link = _checked_link(call, call.params, one, _link(call, one))
    one.links[link.id] = link
    return ok(work.release_link(call.world, project, one, link))


@ROUTES.delete("/projects/:id/releases/:tag_name/assets/links/:link_id", job_token=True)
def delete_link(call: Call) -> Answer:
    """Drop a link."""
    project = call.project(Level.DEVELOPER)
    one = _found(call, project)
    if not _may_touch_tag(call, project, one.tag):
        raise forbidden()
    link = one.links.pop(_link(call, one).id)
    return ok(work.release_link(call.world, project, one, link))


@ROUTES.get("/projects/:id/releases/:tag_name/downloads/*path", job_token=True)
def download(call: Call) -> Answer:
    """A permanent link to an asset: redirects to the link with that file path."""
    one = _found(call, call.project())
    for link in one.links.values():
        if link.filepath == f"/{call.arguments['path']}":
            return Answer(status=302, content=b"", headers={"Location": link.url})
    raise not_found()
