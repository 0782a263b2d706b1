"""What the sandbox answers is what GitLab's own schemas allow."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from bot.sandbox.rest.app import all_routes
from tests.contract.sandbox_org import Org, organisation
from tests.contract.schema_reads import PROJECT, READS, UNREAD
from tests.contract.schema_writes import UNWRITTEN, WRITES, Write

SHARED = Path(__file__).parents[3] / "shared" / "gitlab"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="GitLab's schemas (../shared/gitlab) are not here")

NOT_DESCRIBED_READS, NOT_DESCRIBED_WRITES = 66, 20
IDS: dict[str, object] = {}
EXPIRES = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


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
    for number, path, sent in (
        ("milestone", "milestones", {"title": "One", "due_date": "2030-01-01"}),
        ("issue", "issues", {"title": "Broken", "milestone_id": 1, "labels": "bug"}),
        ("award", "issues/1/award_emoji", {"name": "thumbsup"}),
        ("note", "issues/1/notes", {"body": "Indeed."}),
        ("award", "merge_requests/1/award_emoji", {"name": "thumbsup"}),
        ("discussion", "merge_requests/1/discussions", {"body": "Why?"}),
        ("trigger", "triggers", {"description": "outside"}),
        ("schedule", "pipeline_schedules", {"description": "nightly", "ref": "main", "cron": "0 1 * * *"}),
        ("played", "pipeline_schedules/1/play", {}),
        ("project_token", "access_tokens", {"name": "bot", "scopes": ["api"]}),
        ("deploy", "deploy_tokens", {"name": "reader", "scopes": ["read_repository"], "expires_at": EXPIRES}),
    ):
        answer = org.call("POST", f"{PROJECT}/{path}", json=sent)
        assert answer.status_code == 201, answer.text
        IDS[number] = answer.json().get("id")
    for number, path in (("group_token", "access_tokens"), ("deploy", "deploy_tokens")):
        scopes = ["api"] if path == "access_tokens" else ["read_repository"]
        answer = org.call(
            "POST", f"/groups/acme/{path}", "owner", json={"name": "bot", "scopes": scopes, "expires_at": EXPIRES}
        )
        IDS[number] = answer.json()["id"]
    answer = org.call("POST", "/groups/acme/hooks", "owner", json=hook)
    IDS["group_hook"] = answer.json()["id"]
    files = {"content": ("widget-1.0.0.tar.gz", b"sdist")}
    data = {"name": "widget", "version": "1.0.0", "sha256_digest": "a" * 64, "md5_digest": "b" * 32}
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


def objections(schema: str, answer: object) -> list[str]:
    """What GitLab's files have against an answer.

    `row:` checks it as a list's row, `secret:` without its `token`, `told:` its rows without what is null.
    """
    if schema.startswith("told:") and isinstance(answer, list):
        rows = [{key: value for key, value in row.items() if value is not None} for row in answer]
        return problems(schema.removeprefix("told:"), rows)
    if schema.startswith("row:"):
        return problems(schema.removeprefix("row:"), [answer])
    if schema.startswith("secret:") and isinstance(answer, dict):
        assert answer["token"]
        return problems(schema.removeprefix("secret:"), {key: answer[key] for key in answer if key != "token"})
    if schema.startswith("openapi:"):
        return undescribed(schema.removeprefix("openapi:"), answer)
    return problems(schema, answer)


@pytest.mark.parametrize("template", sorted(READS))
def test_answers_are_what_gitlab_describes(org: Org, template: str) -> None:
    path, schema = READS[template]
    # an admin who is nobody's member has no events of member projects
    answer = org.call("GET", path.format(**IDS), "maintainer" if template == "/events" else "admin")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body, "an empty list would prove nothing"
    assert objections(schema, body) == []


@pytest.fixture(scope="module")
def written() -> Iterator[dict[int, tuple[int, object]]]:
    """Every write of the table carried out in its order: status and answer by number."""
    with organisation() as org:
        org.world.create_tag(org.project, "v1.0.0", "main", org.people["maintainer"])
        org.pipelines_done(org.project, 1)
        ids: dict[str, object] = {}
        yield {number: perform(org, one, ids) for number, one in enumerate(WRITES)}


def perform(org: Org, one: Write, ids: dict[str, object]) -> tuple[int, object]:
    body = json.loads(json.dumps(one.body), object_hook=lambda row: {key: named(row[key], ids) for key in row})
    files = {"content": ("w-1.tar.gz", b"sdist")} if one.file else None
    answer = org.call(one.method, one.path.format(**ids), "admin", json=body, data=one.form, files=files)
    shown = answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None
    if one.keep and isinstance(shown, dict):
        ids[one.keep] = shown[one.key]
        ids[f"{one.keep}_secret"] = shown.get("token")
    return answer.status_code, shown


def named(value: object, ids: dict[str, object]) -> object:
    """`{name}` stands for an id made before."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return ids[value.strip("{}")]
    return value


@pytest.mark.parametrize("number", range(len(WRITES)), ids=[f"{one.method} {one.template}" for one in WRITES])
def test_what_is_written_is_answered_as_gitlab_describes(written: dict[int, tuple[int, object]], number: int) -> None:
    one, (status, answer) = WRITES[number], written[number]
    assert status == one.status, answer
    if one.schema is not None:
        assert objections(one.schema, answer) == []


def test_every_reading_route_is_checked_or_listed_as_unchecked() -> None:
    templates = {route.template for route in all_routes() if route.method == "GET"}
    assert templates == set(READS) | UNREAD


def test_every_writing_route_is_carried_out_or_listed_as_not() -> None:
    routes = {f"{route.method} {route.template}" for route in all_routes() if route.method != "GET"}
    assert routes == {f"{one.method} {one.template}" for one in WRITES} | UNWRITTEN


def test_the_routes_without_a_description_are_told(record_property: Callable[[str, object], None]) -> None:
    """The list goes into the report of the run, and may not grow unseen."""
    bare = sorted({f"{one.method} {one.template}" for one in WRITES if one.schema is None and one.status in (200, 201)})
    record_property("reads GitLab's files do not describe", sorted(UNREAD))
    record_property("writes GitLab's files do not describe", bare)
    assert (len(UNREAD), len(bare)) == (NOT_DESCRIBED_READS, NOT_DESCRIBED_WRITES)
