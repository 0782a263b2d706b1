"""What the sandbox answers is what GitLab's own schemas allow."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from bot.sandbox.rest.app import all_routes
from tests.contract.sandbox_org import Org, organisation

SHARED = Path(__file__).parents[3] / "shared" / "gitlab"
V4 = "public_api/v4"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="GitLab's schemas (../shared/gitlab) are not here")

PROJECT = "/projects/acme%2Ftools%2Fwidget"
# route template -> (path to ask for, schema file or OpenAPI entity)
CHECKED: dict[str, tuple[str, str]] = {
    "/user": ("/user", f"{V4}/user/public.json"),
    "/users": ("/users", "openapi:APIEntitiesUserBasic"),
    "/users/:user_id": ("/users/1", f"{V4}/user/basic.json"),
    "/metadata": ("/metadata", f"{V4}/metadata.json"),
    "/version": ("/version", f"{V4}/metadata.json"),
    "/personal_access_tokens/self": (
        "/personal_access_tokens/self",
        "openapi:APIEntitiesPersonalAccessTokenWithLastUsedIps",
    ),
    "/groups": ("/groups", "openapi:APIEntitiesGroup"),
    "/groups/:id": ("/groups/acme", "openapi:APIEntitiesGroupDetail"),
    "/groups/:id/subgroups": ("/groups/acme/subgroups", "openapi:APIEntitiesGroup"),
    "/groups/:id/descendant_groups": ("/groups/acme/descendant_groups", "openapi:APIEntitiesGroup"),
    "/groups/:id/projects": ("/groups/acme/projects?include_subgroups=true&simple=true", f"{V4}/projects.json"),
    "/groups/:id/members": ("/groups/acme/members", f"{V4}/members.json"),
    "/groups/:id/variables": ("/groups/acme/variables", "openapi:APIEntitiesCiVariable"),
    "/groups/:id/variables/:key": ("/groups/acme/variables/GROUP_KEY", "openapi:APIEntitiesCiVariable"),
    "/groups/:id/packages": ("/groups/acme/packages", "openapi:APIEntitiesPackage"),
    "/admin/ci/variables": ("/admin/ci/variables", "openapi:APIEntitiesCiVariable"),
    "/admin/ci/variables/:key": ("/admin/ci/variables/INSTANCE_KEY", "openapi:APIEntitiesCiVariable"),
    "/projects": ("/projects?simple=true", f"{V4}/projects.json"),
    "/projects/:id": (PROJECT, "openapi:APIEntitiesProjectsWithAccessAndCatalogSetting"),
    "/projects/:id/members": (f"{PROJECT}/members", f"{V4}/members.json"),
    "/projects/:id/members/all": (f"{PROJECT}/members/all", f"{V4}/members.json"),
    "/projects/:id/repository/branches": (f"{PROJECT}/repository/branches", f"{V4}/branches.json"),
    "/projects/:id/repository/branches/:branch": (f"{PROJECT}/repository/branches/main", f"{V4}/branch.json"),
    "/projects/:id/repository/tags": (f"{PROJECT}/repository/tags", f"{V4}/tags.json"),
    "/projects/:id/repository/tags/:tag_name": (f"{PROJECT}/repository/tags/v1.0.0", f"{V4}/tag.json"),
    "/projects/:id/repository/commits": (f"{PROJECT}/repository/commits", f"{V4}/commits.json"),
    "/projects/:id/repository/commits/:sha": (f"{PROJECT}/repository/commits/main", f"{V4}/commit/detail.json"),
    "/projects/:id/repository/commits/:sha/refs": (
        f"{PROJECT}/repository/commits/main/refs",
        "openapi:APIEntitiesBasicRef",
    ),
    "/projects/:id/repository/commits/:sha/diff": (
        f"{PROJECT}/repository/commits/main/diff",
        "openapi:APIEntitiesDiff",
    ),
    "/projects/:id/repository/commits/:sha/merge_requests": (
        f"{PROJECT}/repository/commits/main/merge_requests",
        f"{V4}/merge_requests.json",
    ),
    "/projects/:id/repository/merge_base": (
        f"{PROJECT}/repository/merge_base?refs[]=main&refs[]=v1.0.0",
        f"{V4}/commit/basic.json",
    ),
    "/projects/:id/repository/compare": (
        f"{PROJECT}/repository/compare?from=v1.0.0&to=feature",
        "openapi:APIEntitiesCompare",
    ),
    "/projects/:id/protected_branches": (f"{PROJECT}/protected_branches", "openapi:APIEntitiesProtectedBranch"),
    "/projects/:id/protected_branches/:name": (f"{PROJECT}/protected_branches/main", "protected_branch.json"),
    "/projects/:id/protected_tags": (f"{PROJECT}/protected_tags", "protected_tags.json"),
    "/projects/:id/protected_tags/:name": (f"{PROJECT}/protected_tags/v*", "protected_tag.json"),
    "/projects/:id/variables": (f"{PROJECT}/variables", "openapi:APIEntitiesCiVariable"),
    "/projects/:id/variables/:key": (f"{PROJECT}/variables/PROJECT_KEY", "openapi:APIEntitiesCiVariable"),
    "/projects/:id/pipelines": (f"{PROJECT}/pipelines", f"{V4}/pipelines.json"),
    "/projects/:id/pipelines/:pipeline_id": (f"{PROJECT}/pipelines/1", f"{V4}/pipeline/detail.json"),
    "/projects/:id/pipelines/latest": (f"{PROJECT}/pipelines/latest?ref=v1.0.0", f"{V4}/pipeline/detail.json"),
    "/projects/:id/pipelines/:pipeline_id/jobs": (f"{PROJECT}/pipelines/1/jobs", f"[{V4}/job.json]"),
    "/projects/:id/jobs": (f"{PROJECT}/jobs", f"[{V4}/job.json]"),
    "/projects/:id/jobs/:job_id": (f"{PROJECT}/jobs/1", f"{V4}/job.json"),
    "/projects/:id/releases": (f"{PROJECT}/releases", f"{V4}/releases.json"),
    "/projects/:id/releases/:tag_name": (f"{PROJECT}/releases/v1.0.0", "openapi:APIEntitiesRelease"),
    "/projects/:id/releases/permalink/latest": (
        f"{PROJECT}/releases/permalink/latest",
        "openapi:APIEntitiesRelease",
    ),
    "/projects/:id/releases/:tag_name/assets/links": (
        f"{PROJECT}/releases/v1.0.0/assets/links",
        "openapi:APIEntitiesReleasesLink",
    ),
    "/projects/:id/merge_requests": (f"{PROJECT}/merge_requests", f"{V4}/merge_requests.json"),
    "/projects/:id/merge_requests/:iid": (f"{PROJECT}/merge_requests/1", "openapi:APIEntitiesMergeRequest"),
    "/projects/:id/merge_requests/:iid/commits": (f"{PROJECT}/merge_requests/1/commits", f"{V4}/commits.json"),
    "/projects/:id/merge_requests/:iid/pipelines": (f"{PROJECT}/merge_requests/1/pipelines", f"{V4}/pipelines.json"),
    "/projects/:id/merge_requests/:iid/notes": (f"{PROJECT}/merge_requests/1/notes", f"{V4}/notes.json"),
    "/projects/:id/hooks": (f"{PROJECT}/hooks", f"{V4}/project_hooks.json"),
    "/projects/:id/hooks/:hook_id": (f"{PROJECT}/hooks/1", f"{V4}/project_hook.json"),
    "/hooks": ("/hooks", f"{V4}/system_hooks.json"),
    "/hooks/:hook_id": ("/hooks/2", f"{V4}/system_hook.json"),
    "/projects/:id/packages": (f"{PROJECT}/packages", "openapi:APIEntitiesPackage"),
    "/projects/:id/packages/:package_id": (f"{PROJECT}/packages/1", f"{V4}/packages/package.json"),
    "/projects/:id/packages/:package_id/package_files": (
        f"{PROJECT}/packages/1/package_files",
        f"{V4}/packages/package_files.json",
    ),
    "/projects/:id/events": (f"{PROJECT}/events", "openapi:APIEntitiesEvent"),
    "/events": ("/events?scope=all", "openapi:APIEntitiesEvent"),
}
# these answer bytes, a record another line checks, or have no description in GitLab's files
UNCHECKED = {
    "/groups/:id/members/all/:user_id",
    "/projects/:id/members/all/:user_id",
    "/projects/:id/repository/files/:file_path",
    "/projects/:id/repository/files/:file_path/raw",
    "/projects/:id/pipelines/:pipeline_id/variables",
    "/projects/:id/pipelines/:pipeline_id/bridges",
    "/projects/:id/pipelines/:pipeline_id/trigger_jobs",
    "/projects/:id/jobs/:job_id/trace",
    "/projects/:id/jobs/:job_id/artifacts",
    "/projects/:id/jobs/:job_id/artifacts/*artifact_path",
    "/projects/:id/jobs/artifacts/:ref_name/download",
    "/projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path",
    "/projects/:id/releases/:tag_name/assets/links/:link_id",
    "/projects/:id/releases/:tag_name/downloads/*path",
    "/projects/:id/merge_requests/:iid/approvals",
    "/projects/:id/merge_requests/:iid/notes/:note_id",
    "/projects/:id/merge_requests/:iid/notes/:note_id/award_emoji",
    "/projects/:id/hooks/:hook_id/events",
    "/hooks/:hook_id/events",
    "/projects/:id/packages/:package_id/package_files/:package_file_id/download",
    "/projects/:id/packages/pypi/simple",
    "/projects/:id/packages/pypi/simple/*package_name",
    "/projects/:id/packages/pypi/files/:sha256/*file_name",
    "/groups/:id/-/packages/pypi/simple",
    "/groups/:id/-/packages/pypi/simple/*package_name",
    "/groups/:id/-/packages/pypi/files/:sha256/*file_name",
}


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        fill(made)
        yield made


def fill(org: Org) -> None:
    """One of everything."""
    world, project, user = org.world, org.project, org.people["maintainer"]
    world.protect_tag(project, "v*")
    world.set_variable(project, "PROJECT_KEY", "value", masked=True)
    world.set_variable(project, "HIDDEN_KEY", "12345678", hidden=True)
    world.set_variable(project.namespace.parent, "GROUP_KEY", "value")
    world.set_variable(None, "INSTANCE_KEY", "value")
    world.create_tag(project, "v1.0.0", "main", user, "One")
    org.pipelines_done(project, 1)
    world.commit(project, "feature", "Add a line", {"README.md": "# widget\n\nmore\n"}, user)
    request = world.create_merge_request(project, user, "feature", "Add a line", labels=["docs"])
    org.call("POST", f"{PROJECT}/merge_requests/1/notes", json={"body": "Looks good."})
    world.merge(project, request, user)
    org.pipelines_done(project, 3)
    links = [{"name": "page", "url": "https://acme.example/page", "link_type": "package"}]
    body = {"tag_name": "v1.0.0", "description": "First", "assets": {"links": links}}
    assert org.call("POST", f"{PROJECT}/releases", json=body).status_code == 201
    hook = {"url": "http://127.0.0.1:9/", "push_events": False}
    assert org.call("POST", f"{PROJECT}/hooks", json=hook).status_code == 201
    system = {**hook, "repository_update_events": False}
    assert org.call("POST", "/hooks", "admin", json=system).status_code == 201
    files = {"content": ("widget-1.0.0.tar.gz", b"sdist")}
    data = {"name": "widget", "version": "1.0.0"}
    assert org.call("POST", f"{PROJECT}/packages/pypi", data=data, files=files).status_code == 201


def load(uri: str) -> Resource[object]:
    contents = json.loads(Path(uri.removeprefix("file://")).read_text())
    return Resource.from_contents(contents, default_specification=DRAFT7)


def problems(schema: str, answer: object) -> list[str]:
    """What GitLab's schema file has against the answer."""
    many = schema.startswith("[")
    uri = f"file://{SHARED / 'schemas' / schema.strip('[]')}"
    wanted: dict[str, object] = {"type": "array", "items": {"$ref": uri}} if many else {"$ref": uri}
    registry: Registry[object] = Registry(retrieve=load)  # type: ignore[call-arg]  # attrs alias, unknown to mypy
    found = Draft7Validator(wanted, registry=registry).iter_errors(answer)
    return [f"{'/'.join(str(step) for step in one.absolute_path)}: {one.message[:200]}" for one in found]


@cache
def described() -> dict[str, dict[str, object]]:
    text = (SHARED / "openapi" / "openapi_v3.reduced.json").read_text()
    components: dict[str, dict[str, object]] = json.loads(text)["components"]["schemas"]
    return components


def undescribed(entity: str, answer: object) -> list[str]:
    """Fields of the answer that GitLab's description of the entity does not have."""
    known = described()[entity]["properties"]
    assert isinstance(known, dict)
    rows = answer if isinstance(answer, list) else [answer]
    return sorted({name for row in rows if isinstance(row, dict) for name in row if name not in known})


@pytest.mark.parametrize("template", sorted(CHECKED))
def test_answers_are_what_gitlab_describes(org: Org, template: str) -> None:
    path, schema = CHECKED[template]
    # an admin who is nobody's member has no events of member projects
    answer = org.call("GET", path, "maintainer" if template == "/events" else "admin")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body, "an empty list would prove nothing"
    if schema.startswith("openapi:"):
        assert undescribed(schema.removeprefix("openapi:"), body) == []
    else:
        assert problems(schema, body) == []


def test_every_reading_route_is_checked_or_listed_as_unchecked() -> None:
    templates = {route.template for route in all_routes() if route.method == "GET"}
    assert templates == set(CHECKED) | UNCHECKED
