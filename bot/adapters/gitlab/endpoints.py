"""What GitLab counts apart: which limits a request falls under, and what they are before an answer tells.

Source: GitLab, lib/gitlab/rack_attack/request.rb, lib/gitlab/application_rate_limiter.rb and the `check_rate_limit!`
calls of lib/api; doc/user/gitlab_com/_index.md, "Rate limits on GitLab.com"; doc/security/rate_limits.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

MINUTE, TEN_MINUTES = 60, 600  # seconds


class Endpoint(StrEnum):
    """Names of limits, as `status` and the metrics show them.

    The first three are throttles, under which everything falls; the others belong to single endpoints. `reads` and
    `writes` are what has no limit that we know of; should GitLab refuse one of them all the same, its like is held.
    """

    API = "api"
    FILES = "files"
    PACKAGES = "packages"
    PROJECTS = "projects"
    PROJECT = "project"
    GROUPS = "groups"
    GROUP = "group"
    GROUP_PROJECTS = "group_projects"
    MEMBERS = "members"
    JOBS = "jobs"
    PIPELINES = "pipelines"
    NOTES = "notes"
    ISSUES = "issues"
    CHANGELOG = "changelog"
    HOOK_RESEND = "hook_resend"
    HOOK_TEST = "hook_test"
    RAW = "raw"
    ARCHIVE = "archive"
    GRAPHQL = "graphql"
    REGISTRY = "registry"
    READS = "reads"
    WRITES = "writes"


THROTTLES = (Endpoint.API, Endpoint.FILES, Endpoint.PACKAGES)
BY_PLACE = frozenset(
    {Endpoint.ARCHIVE, Endpoint.CHANGELOG, Endpoint.HOOK_RESEND, Endpoint.HOOK_TEST, Endpoint.PIPELINES}
)
"""Counted for each project or group apart. (New pipelines: for each commit, which is more than we grant.)"""


Key = tuple[Endpoint, str]
"""One limit: its name, and the place it is counted for, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `requests` in each window of `seconds`."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A request as its limits see it. `place` is the project or group of an endpoint that counts by place, else empty.

    `write` says that it changes something, so that reads stand back for it.
    """

    throttle: Endpoint
    endpoint: Endpoint
    place: str = ""
    write: bool = False

    @property
    def keys(self) -> tuple[Key, Key]:
        """The limits that it counts on: the throttle's and the endpoint's."""
        return (self.throttle, ""), (self.endpoint, self.place)


_TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET|HEAD", r"/projects", Endpoint.PROJECTS),
    ("GET|HEAD", r"/projects/[^/]+", Endpoint.PROJECT),
    ("GET|HEAD", r"/projects/[^/]+/jobs", Endpoint.JOBS),
    ("GET|HEAD", r"/projects/[^/]+/members(/all)?", Endpoint.MEMBERS),
    ("GET|HEAD", r"/groups", Endpoint.GROUPS),
    ("GET|HEAD", r"/groups/[^/]+", Endpoint.GROUP),
    ("GET|HEAD", r"/groups/[^/]+/projects", Endpoint.GROUP_PROJECTS),
    ("GET|HEAD", r"/projects/[^/]+/repository/files/.+/raw", Endpoint.RAW),
    ("GET|HEAD", r"/projects/[^/]+/repository/archive(\.[a-z0-9.]+)?", Endpoint.ARCHIVE),
    ("POST", r"/projects/[^/]+/pipeline", Endpoint.PIPELINES),
    ("POST", r"/projects/[^/]+/issues", Endpoint.ISSUES),
    (
        "POST",
        r"/projects/[^/]+/(merge_requests|issues)/[^/]+/(notes|discussions|discussions/[^/]+/notes)",
        Endpoint.NOTES,
    ),
    ("GET|POST", r"/projects/[^/]+/repository/changelog", Endpoint.CHANGELOG),
    ("POST", r"/(projects|groups)/[^/]+/hooks/[^/]+/events/[^/]+/resend", Endpoint.HOOK_RESEND),
    ("POST", r"/(projects|groups)/[^/]+/hooks/[^/]+/test/[^/]+", Endpoint.HOOK_TEST),
    (r"\w+", r"/(projects/[^/]+|groups/[^/]+(/-)?)/packages(/.*)?", Endpoint.REGISTRY),
)
_MATCHERS = tuple((re.compile(methods), re.compile(path), endpoint) for methods, path, endpoint in _TABLE)
_FILES = re.compile(r"/projects/[^/]+/repository/files/.+")
_PLACE = re.compile(r"/(?:projects|groups)/([^/]+)")


def route(method: str, path: str) -> Route:
    """The limits of a request. `path` begins after `/api/v4`, ids still encoded; GraphQL's is `…/api/graphql`.

    A GraphQL request counts as a read: we send no mutations.
    """
    method, path = method.upper(), path.partition("?")[0]
    if path.endswith("/api/graphql"):
        return Route(throttle=Endpoint.API, endpoint=Endpoint.GRAPHQL)
    write = method not in ("GET", "HEAD")
    usual = Endpoint.WRITES if write else Endpoint.READS
    found = (one for methods, shape, one in _MATCHERS if methods.fullmatch(method) and shape.fullmatch(path))
    endpoint = next(found, usual)
    place = _PLACE.match(path) if endpoint in BY_PLACE else None
    return Route(
        throttle=_throttle(path, endpoint), endpoint=endpoint, place=place.group(1) if place else "", write=write
    )


def _throttle(path: str, endpoint: Endpoint) -> Endpoint:
    if endpoint is Endpoint.REGISTRY:
        return Endpoint.PACKAGES
    return Endpoint.FILES if _FILES.fullmatch(path) else Endpoint.API


REGISTRY = Route(throttle=Endpoint.PACKAGES, endpoint=Endpoint.REGISTRY, write=True)
"""What twine and the children that look at the package registry ask."""


def throttle_of(name: str) -> Endpoint:
    """The throttle that a `RateLimit-Name` speaks of; what is neither files nor packages is the API's."""
    if "packages" in name:
        return Endpoint.PACKAGES
    return Endpoint.FILES if "files" in name else Endpoint.API


SELF_MANAGED: Mapping[Endpoint, Quota] = {
    # No throttle is on by default. Generous, yet an end to what a fault of ours could ask; headers tell the rest.
    Endpoint.API: Quota(requests=6000, seconds=MINUTE),
    Endpoint.FILES: Quota(requests=6000, seconds=MINUTE),
    Endpoint.PACKAGES: Quota(requests=6000, seconds=MINUTE),
    Endpoint.PROJECTS: Quota(requests=2000, seconds=TEN_MINUTES),
    Endpoint.PROJECT: Quota(requests=400, seconds=MINUTE),
    Endpoint.GROUPS: Quota(requests=200, seconds=MINUTE),
    Endpoint.GROUP: Quota(requests=400, seconds=MINUTE),
    Endpoint.GROUP_PROJECTS: Quota(requests=600, seconds=MINUTE),
    Endpoint.MEMBERS: Quota(requests=200, seconds=MINUTE),
    Endpoint.JOBS: Quota(requests=600, seconds=MINUTE),
    Endpoint.NOTES: Quota(requests=300, seconds=MINUTE),
    Endpoint.ISSUES: Quota(requests=300, seconds=MINUTE),
    Endpoint.CHANGELOG: Quota(requests=5, seconds=MINUTE),
    Endpoint.ARCHIVE: Quota(requests=5, seconds=MINUTE),
    Endpoint.HOOK_RESEND: Quota(requests=5, seconds=MINUTE),
    Endpoint.HOOK_TEST: Quota(requests=5, seconds=MINUTE),
}
GITLAB_COM: Mapping[Endpoint, Quota] = {
    **SELF_MANAGED,
    Endpoint.API: Quota(requests=2000, seconds=MINUTE),
    Endpoint.FILES: Quota(requests=500, seconds=MINUTE),
    Endpoint.PACKAGES: Quota(requests=3000, seconds=MINUTE),
    Endpoint.NOTES: Quota(requests=60, seconds=MINUTE),
    Endpoint.PIPELINES: Quota(requests=25, seconds=MINUTE),
}


def quotas_of(url: str) -> Mapping[Endpoint, Quota]:
    """What to begin with for the GitLab at `url`."""
    return GITLAB_COM if urlsplit(url).hostname == "gitlab.com" else SELF_MANAGED
