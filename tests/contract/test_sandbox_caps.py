"""Caps, orders and defaults of single routes that a client may stumble over: each test names the fact behind it."""

import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from tests.contract.sandbox_org import Org


def test_protected_branches_are_capped_at_a_hundred_rows_whatever_the_paging(org: Org) -> None:
    # FACTS 0.10 and 5: LIMIT 100, group rules included
    project = org.new_project("acme/tools/rules")
    for number in range(120):
        org.world.protect_branch(project, f"rule-{number}")
    path = f"/projects/{project.id}/protected_branches"
    first, second = (org.call("GET", f"{path}?per_page=60&page={page}") for page in (1, 2))
    assert [len(one.json()) for one in (first, second)] == [60, 40]
    assert first.headers["x-total"] == "100" and second.headers["x-next-page"] == ""
    assert org.call("GET", f"{path}/rule-119").status_code == 200, "by name the rule is there"


def test_a_project_takes_a_hundred_hooks(org: Org) -> None:
    # FACTS 4: 100 hooks a project
    project = org.new_project("acme/tools/hooks")
    body = {"url": "http://127.0.0.1:1/"}
    path = f"/projects/{project.id}/hooks"
    assert org.call("POST", path, json=body).status_code == 201
    (known,) = project.hooks.values()
    project.hooks |= dict.fromkeys(range(1000, 1099), known)
    answer = org.call("POST", path, json=body)
    assert answer.status_code == 422 and "100" in answer.text
    assert len(project.hooks) == 100


def test_the_latest_pipeline_is_403_when_there_is_none(org: Org) -> None:
    # FACTS 6
    project = org.new_project("acme/tools/idle")
    answer = org.call("GET", f"/projects/{project.id}/pipelines/latest")
    assert (answer.status_code, answer.json()) == (403, {"message": "403 Forbidden"})


def test_the_scope_tags_lists_the_newest_pipeline_of_each_tag(org: Org) -> None:
    # FACTS 6: scope=tags for tag pipelines; a branch and a tag of one name are told apart by it
    project, user = org.new_project("acme/tools/scoped", {".gitlab-ci.yml": "a: {script: 'true'}"}), org.people["owner"]
    org.world.commit(project, "topic", "A branch", {"a.txt": "a"}, user)
    for name in ("v1", "v2"):
        org.world.create_tag(project, name, "main", user)
    path = f"/projects/{project.id}/pipelines"
    assert {row["ref"] for row in org.call("GET", f"{path}?scope=tags").json()} == {"v1", "v2"}
    assert [row["ref"] for row in org.call("GET", f"{path}?scope=branches").json()] == ["topic"]


def test_tags_are_ordered_by_version_when_asked(org: Org) -> None:
    # FACTS 4: order_by=name|updated|version
    project = org.new_project("acme/tools/ordered")
    for name in ("v1.10.0", "v1.9.0", "v1.2.0"):
        org.world.create_tag(project, name, "main", org.people["owner"])
    path = f"/projects/{project.id}/repository/tags"

    def names(question: str) -> list[str]:
        return [row["name"] for row in org.call("GET", f"{path}?{question}").json()]

    assert names("order_by=version") == ["v1.10.0", "v1.9.0", "v1.2.0"]
    assert names("order_by=version&sort=asc") == ["v1.2.0", "v1.9.0", "v1.10.0"]
    assert names("order_by=name&sort=asc") == ["v1.10.0", "v1.2.0", "v1.9.0"]


def test_jobs_and_schedules_come_for_one_project_a_query(org: Org) -> None:
    # FACTS 12: Project.jobs and Project.pipelineSchedules, one project per query
    body = {"description": "nightly", "ref": "main", "cron": "0 1 * * *"}
    assert org.call("POST", "/projects/1/pipeline_schedules", json=body).status_code == 201
    org.new_project("acme/tools/second")
    fields = "pipelineSchedules { nodes { description cron active } } jobs { nodes { name } }"
    one = org.graphql(f"query($p: ID!) {{ project(fullPath: $p) {{ {fields} }} }}", p="acme/tools/widget")["data"]
    shown = {"nodes": [{"description": "nightly", "cron": "0 1 * * *", "active": True}]}
    assert one == {"project": {"pipelineSchedules": shown, "jobs": {"nodes": []}}}
    query = "query($p: [String!]) { projects(fullPaths: $p) { nodes { jobs { nodes { name } } } } }"
    many = org.graphql(query, p=["acme/tools/widget", "acme/tools/second"])
    errors = many["errors"]
    assert isinstance(errors, list)
    assert [one["message"] for one in errors] == ['"jobs" field can be requested only for 1 Project(s) at a time.']


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_the_command_tells_of_a_port_that_is_none_and_ends_with_2(port: str) -> None:
    ended = CliRunner().invoke(app, ["sandbox", "--port", port])
    assert ended.exit_code == 2
    assert f"{port} is no port" in ended.output
