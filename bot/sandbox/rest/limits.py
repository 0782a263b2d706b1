"""Which route counts on which application limit, and for whom.

Source: the `check_rate_limit!` calls of lib/api/*.rb, lib/api/helpers/rate_limiter.rb.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bot.sandbox.answers import RefusalError
from bot.sandbox.auth import Identity
from bot.sandbox.limits import WINDOWS
from bot.sandbox.malformed import whole_number
from bot.sandbox.world.world import World

TOO_MANY = "This endpoint has been requested too many times. Try again later."
# These two are refused by the endpoint itself, in its own words and without Retry-After.
_OWN_WORDS = {
    "project_repositories_archive": "This archive has been requested too many times. Try again later.",
    "project_repositories_changelog": "This changelog has been requested too many times. Try again later.",
}
_ANONYMOUS = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A limit of a route; `place` counts each project or group apart."""

    name: str
    place: bool = False
    anonymous_name: str | None = None


_TABLE: tuple[tuple[str, str, Limited], ...] = (
    (
        "GET",
        r"/projects",
        Limited(name="projects_api", anonymous_name="projects_api_rate_limit_unauthenticated"),
    ),
    ("GET", r"/projects/:id", Limited(name="project_api")),
    ("GET", r"/projects/:id/jobs", Limited(name="jobs_index")),
    ("GET", r"/projects/:id/members(/all)?", Limited(name="project_members_api")),
    ("DELETE", r"/(projects|groups)/:id/members/:\w+", Limited(name="members_delete", place=True)),
    ("GET", r"/groups", Limited(name="groups_api")),
    ("GET", r"/groups/:id", Limited(name="group_api")),
    ("GET", r"/groups/:id/projects", Limited(name="group_projects_api")),
    ("GET", r"/users/:\w+", Limited(name="users_get_by_id")),
    ("POST", r"/projects/:id/issues", Limited(name="issues_create")),
    (
        "POST",
        r"/projects/:id/(merge_requests|issues)/:\w+/(notes|discussions|discussions/:\w+/notes)",
        Limited(name="notes_create"),
    ),
    (
        "GET",
        r"/projects/:id/repository/archive(\.[a-z0-9.]+)?",
        Limited(name="project_repositories_archive", place=True),
    ),
    ("GET|POST", r"/projects/:id/repository/changelog", Limited(name="project_repositories_changelog", place=True)),
    ("POST", r"/(projects|groups)/:id/hooks/:\w+/test/:\w+", Limited(name="web_hook_test", place=True)),
    (
        "POST",
        r"/(projects|groups)/:id/hooks/:\w+/events/:\w+/resend",
        Limited(name="web_hook_event_resend", place=True),
    ),
)


@cache
def limit_of(method: str, template: str) -> Limited | None:
    """The limit that counts requests of a route, None for most."""
    return next(
        (one for methods, path, one in _TABLE if re.fullmatch(methods, method) and re.fullmatch(path, template)), None
    )


def too_many(name: str) -> RefusalError:
    """GitLab's 429; `Retry-After` is the whole window, wherever in it we are. Two endpoints have their own text, alone.

    Source: lib/api/repositories.rb.
    """
    if name in _OWN_WORDS:
        return RefusalError(429, {"message": {"error": _OWN_WORDS[name]}})
    return RefusalError(429, {"message": {"error": TOO_MANY}}, {"Retry-After": str(WINDOWS[name])})


def count(world: World, method: str, template: str, identity: Identity, arguments: Mapping[str, str]) -> None:
    """Count the request. Raises: RefusalError (429)."""
    found = limit_of(method, template)
    if found is None:
        return
    name = found.name
    if identity.user is None and found.anonymous_name:
        name = found.anonymous_name
    scope: list[object] = [identity.user.id if identity.user else _ANONYMOUS]
    if found.place:
        scope.append(_place(world, template, arguments["id"]))
    if world.limits.exceeds(name, tuple(scope)):
        raise too_many(name)


def _place(world: World, template: str, key: str) -> object:
    """One name for a place, however the path names it."""
    if key.isdecimal():
        return whole_number(key)
    found = (world.groups if template.startswith("/groups/") else world.project_paths).get(key.lower())
    return found.id if found else key
