"""Who may do what: roles, scopes, job tokens, members, tokens made over HTTP. Each row is one GitLab rule."""

from collections.abc import Iterator
from typing import TypeAlias

import gitlab
import pytest

from bot.sandbox.world.people import TokenKind
from tests.contract.sandbox_org import LEVELS, Org, organisation

WIDGET = "/projects/1"
ROLES = ("anonymous", "outsider", "guest", "reporter", "developer", "maintainer", "owner", "admin")


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        world, user = made.world, made.people["developer"]
        world.create_tag(made.project, "v1", "main", made.people["maintainer"])
        made.pipelines_done(made.project, 1)
        world.commit(made.project, "topic", "T", {"t": "1"}, user)
        world.create_merge_request(made.project, user, "topic", "T")
        world.set_variable(made.project, "KEY", "value")
        yield made


# method, path, body, the statuses by role in the order of ROLES.
# GitLab: config/authz/roles/*.yml, doc/user/permissions.md
Rule: TypeAlias = tuple[str, str, dict[str, str] | None, tuple[int, ...]]
MATRIX: list[Rule] = [
    ("GET", "", None, (404, 404, 200, 200, 200, 200, 200, 200)),
    ("GET", "/repository/tags", None, (404, 404, 403, 200, 200, 200, 200, 200)),
    ("GET", "/pipelines", None, (404, 404, 403, 200, 200, 200, 200, 200)),
    ("GET", "/merge_requests/1", None, (404, 404, 404, 200, 200, 200, 200, 200)),
    ("GET", "/issues", None, (404, 404, 200, 200, 200, 200, 200, 200)),
    ("GET", "/variables", None, (401, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/variables/KEY", None, (401, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/triggers", None, (401, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/pipeline_schedules", None, (404, 404, 403, 200, 200, 200, 200, 200)),
    ("GET", "/protected_tags", None, (401, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/protected_branches", None, (404, 404, 403, 200, 200, 200, 200, 200)),
    ("GET", "/job_token_scope", None, (404, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/hooks", None, (401, 404, 403, 403, 403, 200, 200, 200)),
    ("GET", "/access_tokens", None, (404, 404, 403, 403, 403, 200, 200, 200)),
    ("POST", "/pipeline", {"ref": "nowhere"}, (401, 404, 403, 403, 400, 400, 400, 400)),
    ("POST", "/ci/lint", {"content": "a: {script: b}"}, (401, 404, 403, 403, 200, 200, 200, 200)),
    ("POST", "/repository/tags", {"tag_name": "bad..name", "ref": "main"}, (401, 404, 403, 403, 400, 400, 400, 400)),
    ("POST", "/archive", {}, (401, 404, 403, 403, 403, 403, 201, 201)),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"), MATRIX, ids=[f"{row[0]} {row[1] or '/'}" for row in MATRIX]
)
def test_roles_decide(org: Org, method: str, path: str, body: dict[str, str] | None, wanted: tuple[int, ...]) -> None:
    """404 for what one may not know of, 403 for what one may not do; 400 is past both."""
    found = {
        who: org.call(method, f"{WIDGET}{path}", None if who == "anonymous" else who, json=body).status_code
        for who in ROLES
    }
    org.call("POST", f"{WIDGET}/unarchive", "owner")
    assert found == dict(zip(ROLES, wanted, strict=True))


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["read_api"], "GET", WIDGET, 200),
        (["read_api"], "GET", f"{WIDGET}/variables", 200),
        (["read_api"], "POST", f"{WIDGET}/issues", 403),
        (["read_user"], "GET", "/user", 200),
        (["read_user"], "GET", WIDGET, 403),
        (["read_repository"], "GET", f"{WIDGET}/repository/files/README.md/raw", 200),
        (["read_repository"], "GET", f"{WIDGET}/pipelines", 403),
        (["write_repository"], "GET", "/personal_access_tokens/self", 200),
    ],
)
def test_scopes_decide(org: Org, scopes: list[str], method: str, path: str, status: int) -> None:
    secret = org.world.create_token(org.people["maintainer"], scopes, "scoped")
    answer = org.call(method, path, None, headers={"PRIVATE-TOKEN": secret}, json={} if method == "POST" else None)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"] == "insufficient_scope"


@pytest.mark.parametrize(("who", "seen"), [("maintainer", True), ("developer", False), ("guest", False)])
def test_graphql_answers_null_where_rest_answers_403(org: Org, who: str, seen: bool) -> None:
    """GitLab: doc/api/graphql: no permission is a null field without an error."""
    keys = "ciVariables { nodes { key } }"
    query = f'query {{ project(fullPath: "acme/tools/widget") {{ {keys} }} {keys} }}'
    answer = org.graphql(query, who)
    assert "errors" not in answer
    data = answer["data"]
    assert isinstance(data, dict)
    assert (data["project"]["ciVariables"] is not None) is seen
    assert data["ciVariables"] is None


def test_settings_of_the_publishing_path_are_for_maintainers(org: Org) -> None:
    """GitLab: lib/api/entities/project.rb."""
    hidden = {
        "ci_job_token_scope_enabled",
        "ci_pipeline_variables_minimum_override_role",
        "restrict_user_defined_variables",
        "ci_forward_deployment_enabled",
    }
    assert hidden <= set(org.call("GET", WIDGET, "maintainer").json())
    shown = org.call("GET", WIDGET, "developer").json()
    assert not hidden & set(shown) and shown["public_jobs"] is True


# members. GitLab: lib/api/members.rb


def test_the_highest_membership_counts_and_admins_are_none(org: Org) -> None:
    user, root = org.people["reporter"], org.world.user_named("root")
    assert root is not None
    path = f"{WIDGET}/members/all"
    assert org.call("GET", f"{path}/{user.id}").json()["access_level"] == 20
    org.call("POST", "/groups/acme%2Ftools/members", "owner", json={"user_id": user.id, "access_level": 25})
    assert org.call("GET", f"{path}/{user.id}").json()["access_level"] == 25
    assert org.call("GET", f"{path}/{root.id}", "admin").status_code == 404
    assert org.call("DELETE", f"/groups/acme%2Ftools/members/{user.id}", "owner").status_code == 204


@pytest.mark.parametrize(
    ("level", "status"),
    [(5, 201), (10, 201), (15, 201), (20, 201), (25, 201), (30, 201), (40, 201), (50, 403), (35, 400)],
)
def test_members_get_levels_gitlab_has_and_the_giver_may_give(org: Org, level: int, status: int) -> None:
    user = org.people["outsider"]
    answer = org.call("POST", f"{WIDGET}/members", json={"user_id": user.id, "access_level": level})
    assert answer.status_code == status
    org.call("DELETE", f"{WIDGET}/members/{user.id}")


# job tokens. GitLab: doc/ci/jobs/ci_job_token.md, app/models/ci/job_token/scope.rb


@pytest.fixture(scope="module")
def job_token(org: Org) -> str:
    job = org.gitlab.pipelines.project_jobs(1)[0]
    fields = {"user": org.world.users[job.user_id], "project_id": org.project.id, "job_id": job.id}
    return org.world.add_token(TokenKind.JOB, "job", ["api"], **fields).secret


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/repository/tags", None, 200),
        ("GET", "/repository/branches", None, 200),
        ("GET", "/repository/commits/main/merge_requests", None, 200),
        ("GET", "/merge_requests/1", None, 200),
        ("GET", "/merge_requests/1/notes", None, 200),
        ("GET", "/packages", None, 200),
        ("GET", "/jobs/1/artifacts", None, 200),
        ("GET", "/repository/changelog?version=1.1.0&from=v1", None, 200),
        ("PUT", "/pipelines/1/metadata", {"name": "named"}, 200),
        ("POST", "/merge_requests/1/notes", {"body": "no"}, 401),
        ("POST", "/repository/tags", {"tag_name": "no", "ref": "main"}, 401),
        ("POST", "/pipeline", {"ref": "main"}, 401),
        ("GET", "/variables", None, 401),
        ("GET", "/triggers", None, 401),
        ("POST", "/releases", {"tag_name": "v1", "description": "yes"}, 201),
    ],
)
def test_a_job_token_can_and_cannot(
    org: Org, job_token: str, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    answer = org.call(method, f"{WIDGET}{path}", None, headers={"JOB-TOKEN": job_token}, json=body)
    assert answer.status_code == status, answer.text


def test_a_job_token_opens_other_projects_by_their_allowlist(org: Org, job_token: str) -> None:
    other = org.new_project("acme/other")
    path, headers = f"/projects/{other.id}/repository/tags", {"JOB-TOKEN": job_token}
    scope = org.client().projects.get(other.id).job_token_scope.get()
    assert (scope.inbound_enabled, scope.outbound_enabled) == (True, False)
    owner = org.gitlab.pipelines.project_jobs(1)[0].user_id
    assert other.members[owner] >= LEVELS["reporter"], "the person may; the token may not"
    assert org.call("GET", path, None, headers=headers).status_code == 404
    allow = f"/projects/{other.id}/job_token_scope"
    assert org.call("POST", f"{allow}/allowlist", json={"target_project_id": 1}).status_code == 201
    assert org.call("POST", f"{allow}/allowlist", json={"target_project_id": 1}).status_code == 422
    assert org.call("GET", path, None, headers=headers).status_code == 200
    assert org.call("DELETE", f"{allow}/allowlist/1").status_code == 204
    group = org.world.groups["acme/tools"]
    assert org.call("POST", f"{allow}/groups_allowlist", json={"target_group_id": group.id}).status_code == 201
    assert org.call("GET", path, None, headers=headers).status_code == 200
    org.call("DELETE", f"{allow}/groups_allowlist/{group.id}")
    assert org.call("PATCH", allow, json={"enabled": False}).status_code == 204
    assert org.call("GET", path, None, headers=headers).status_code == 200, (
        "without the limit everybody's token opens it"
    )


# setting up over HTTP


def test_an_admin_sets_up_people_places_and_tokens_over_http(org: Org) -> None:
    admin = org.client("admin")
    body = {"email": "eve@acme.example", "username": "eve", "name": "Eve", "force_random_password": True}
    user = admin.users.create(body)
    with pytest.raises(gitlab.GitlabCreateError, match="has already been taken"):
        admin.users.create(body)
    secret = user.personal_access_tokens.create({"name": "own", "scopes": ["api"]}).token
    eve = gitlab.Gitlab(org.url, oauth_token=secret)
    group = eve.groups.create({"name": "Eve's", "path": "eves"})
    project = eve.projects.create({"name": "thing", "namespace_id": group.id, "initialize_with_readme": True})
    assert project.files.get("README.md", ref="main").decode() == b"# thing\n"
    project.members.create({"user_id": 1, "access_level": 30})
    bot = project.access_tokens.create({"name": "bot", "scopes": ["read_api"], "access_level": 20})
    acting = gitlab.Gitlab(org.url, private_token=bot.token)
    assert acting.projects.get(project.id).permissions["project_access"]["access_level"] == 20
    other = group.access_tokens.create({"name": "bot", "scopes": ["api"], "access_level": 40})
    rotated = group.access_tokens.get(other.id)
    rotated.rotate()
    with pytest.raises(gitlab.GitlabAuthenticationError):
        gitlab.Gitlab(org.url, private_token=other.token).projects.list()
    with pytest.raises(gitlab.GitlabCreateError, match="403"):
        eve.users.create({**body, "username": "mallory", "email": "m@acme.example"})


def test_protected_branches_are_changed_in_place(org: Org) -> None:
    """GitLab: doc/api/protected_branches.md: rows with `id` change a right, with `_destroy` remove it."""
    project = org.client().projects.get(1)
    made = project.protectedbranches.create({"name": "stable", "push_access_level": 40})
    right = made.push_access_levels[0]["id"]
    made.allow_force_push = True
    made.allowed_to_push = [{"id": right, "_destroy": True}, {"user_id": org.people["developer"].id}]
    made.save()
    found = project.protectedbranches.get("stable")
    assert found.allow_force_push is True
    assert [row["user_id"] for row in found.push_access_levels] == [org.people["developer"].id]
    found.delete()


def test_members_of_an_invited_group_are_members_at_most_at_the_level_that_was_given(org: Org) -> None:
    """Inherited ones too; it ends with the invitation. Source: doc/user/project/members/sharing_projects_groups.md."""
    world, user = org.world, org.people["outsider"]
    top, below = world.create_group("friends"), world.create_group("friends/close")
    world.add_member(top, user, LEVELS["owner"])
    asked = f"{WIDGET}/members/all/{user.id}"
    assert org.call("GET", asked).status_code == 404
    body = {"group_id": below.id, "group_access": 30}
    assert org.call("POST", f"{WIDGET}/share", "developer", json=body).status_code == 403
    assert org.call("POST", f"{WIDGET}/share", "admin", json=body).status_code == 201
    assert org.call("POST", f"{WIDGET}/share", "admin", json=body).status_code == 409
    assert org.call("GET", asked).json()["access_level"] == 30
    assert user.id in {row["id"] for row in org.call("GET", f"{WIDGET}/members/all").json()}
    assert user.id not in {row["id"] for row in org.call("GET", f"{WIDGET}/members").json()}
    assert org.call("GET", f"{WIDGET}/repository/tags", "outsider").status_code == 200
    assert org.call("DELETE", f"{WIDGET}/share/{below.id}", "admin").status_code == 204
    assert org.call("GET", asked).status_code == 404
