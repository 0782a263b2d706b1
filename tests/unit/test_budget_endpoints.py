"""Which limits a request falls under, and that GitLab counts it the same way."""

from __future__ import annotations

import re

import pytest

from bot.adapters.gitlab.endpoints import (
    GITLAB_COM,
    SELF_MANAGED,
    Endpoint,
    Quota,
    Route,
    quotas_of,
    route,
    throttle_of,
)
from bot.sandbox.limits import PROFILES, WINDOWS
from bot.sandbox.rest.limits import limit_of
from bot.sandbox.throttle import throttle_name

E = Endpoint
API, FILES, PACKAGES = E.API, E.FILES, E.PACKAGES
# What GitLab's own limits are called, by our names.
THEIRS = {
    E.PROJECTS: "projects_api",
    E.PROJECT: "project_api",
    E.GROUPS: "groups_api",
    E.GROUP: "group_api",
    E.GROUP_PROJECTS: "group_projects_api",
    E.MEMBERS: "project_members_api",
    E.JOBS: "jobs_index",
    E.NOTES: "notes_create",
    E.ISSUES: "issues_create",
    E.ARCHIVE: "project_repositories_archive",
    E.CHANGELOG: "project_repositories_changelog",
    E.HOOK_RESEND: "web_hook_event_resend",
    E.HOOK_TEST: "web_hook_test",
}


@pytest.mark.parametrize(
    ("method", "path", "throttle", "endpoint", "place"),
    [
        ("get", "/projects", API, E.PROJECTS, ""),
        ("get", "/projects?per_page=100", API, E.PROJECTS, ""),
        ("post", "/projects", API, E.WRITES, ""),
        ("get", "/projects/7", API, E.PROJECT, ""),
        ("head", "/projects/acme%2Ftools", API, E.PROJECT, ""),
        ("put", "/projects/7", API, E.WRITES, ""),
        ("get", "/projects/7/jobs", API, E.JOBS, ""),
        ("get", "/projects/7/jobs/3/artifacts", API, E.READS, ""),
        ("get", "/projects/7/pipelines/3/jobs", API, E.READS, ""),
        ("get", "/projects/7/pipelines", API, E.READS, ""),
        ("post", "/projects/7/pipeline", API, E.PIPELINES, "7"),
        ("get", "/projects/7/members/all", API, E.MEMBERS, ""),
        ("get", "/groups", API, E.GROUPS, ""),
        ("get", "/groups/acme", API, E.GROUP, ""),
        ("get", "/groups/acme%2Ftools/projects", API, E.GROUP_PROJECTS, ""),
        ("get", "/projects/7/merge_requests/1/notes", API, E.READS, ""),
        ("post", "/projects/7/merge_requests/1/notes", API, E.NOTES, ""),
        ("put", "/projects/7/merge_requests/1/notes/5", API, E.WRITES, ""),
        ("post", "/projects/7/issues/1/discussions/ab/notes", API, E.NOTES, ""),
        ("post", "/projects/7/issues", API, E.ISSUES, ""),
        ("get", "/projects/7/repository/changelog", API, E.CHANGELOG, "7"),
        ("post", "/projects/8/repository/changelog", API, E.CHANGELOG, "8"),
        ("get", "/projects/7/repository/archive.tar.gz?sha=abc", API, E.ARCHIVE, "7"),
        ("get", "/projects/7/repository/archive", API, E.ARCHIVE, "7"),
        ("post", "/projects/7/hooks/1/events/2/resend", API, E.HOOK_RESEND, "7"),
        ("post", "/groups/acme/hooks/1/test/push_events", API, E.HOOK_TEST, "acme"),
        ("get", "/projects/7/repository/files/a%2Fb.toml/raw", FILES, E.RAW, ""),
        ("get", "/projects/7/repository/files/a%2Fb.toml", FILES, E.READS, ""),
        ("get", "/projects/7/repository/tags", API, E.READS, ""),
        ("get", "/projects/7/packages/pypi/simple/x", PACKAGES, E.REGISTRY, ""),
        ("post", "/projects/7/packages/pypi", PACKAGES, E.REGISTRY, ""),
        ("get", "/groups/acme/-/packages/pypi/simple", PACKAGES, E.REGISTRY, ""),
        ("post", "https://gitlab.example.com/api/graphql", API, E.GRAPHQL, ""),
        ("post", "/projects/7/releases", API, E.WRITES, ""),
        ("get", "", API, E.READS, ""),
    ],
)
def test_a_request_counts_where_gitlab_counts_it(
    method: str, path: str, throttle: Endpoint, endpoint: Endpoint, place: str
) -> None:
    found = route(method, path)
    write = method not in ("get", "head") and endpoint is not E.GRAPHQL
    assert found == Route(throttle=throttle, endpoint=endpoint, place=place, write=write)
    if not path.startswith("https"):
        plain = path.partition("?")[0]
        assert throttle_name(f"/api/v4{plain}", authenticated=True) == f"throttle_authenticated_{_kind(throttle)}"
        template = re.sub(r"/(projects|groups)/[^/]+", r"/\1/:id", plain)
        template = re.sub(r"/(merge_requests|issues|discussions|hooks|events|test)/[^/]+", r"/\1/:one", template)
        theirs = limit_of("GET" if method == "head" else method.upper(), template)
        assert (theirs and theirs.name) == THEIRS.get(endpoint)
        assert bool(theirs and theirs.place) == (bool(place) and endpoint in THEIRS)


def _kind(throttle: Endpoint) -> str:
    return "api" if throttle is API else f"{throttle.value}_api"


@pytest.mark.parametrize(("profile", "ours"), [("self_managed", SELF_MANAGED), ("gitlab_com", GITLAB_COM)])
def test_we_begin_with_the_limits_that_gitlab_has(profile: str, ours: dict[Endpoint, Quota]) -> None:
    theirs = PROFILES[profile]
    for endpoint, name in THEIRS.items():
        assert ours[endpoint] == Quota(requests=theirs.application[name], seconds=WINDOWS[name])
    for throttle in (API, FILES, PACKAGES):
        rate = theirs.throttles.get(f"throttle_authenticated_{_kind(throttle)}")
        assert rate is None or ours[throttle] == Quota(requests=rate.requests, seconds=rate.seconds)


def test_what_holds_for_gitlab_com_is_not_assumed_elsewhere() -> None:
    assert quotas_of("https://gitlab.com") is GITLAB_COM
    assert quotas_of("https://gitlab.com:443/") is GITLAB_COM
    for other in ("https://gitlab.example.com", "https://gitlab.com.example.org", "http://127.0.0.1:8080"):
        assert quotas_of(other) is SELF_MANAGED


@pytest.mark.parametrize(
    ("name", "throttle"),
    [
        ("throttle_authenticated_api", API),
        ("throttle_unauthenticated_api", API),
        ("throttle_authenticated_web", API),
        ("throttle_authenticated_packages_api", PACKAGES),
        ("throttle_authenticated_files_api", FILES),
        ("", API),
        ("anything", API),
    ],
)
def test_a_throttle_is_known_by_its_name(name: str, throttle: Endpoint) -> None:
    assert throttle_of(name) is throttle
