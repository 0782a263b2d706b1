"""The sandbox's GraphQL: paging, limits, credentials, files in bulk."""

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.sandbox_org import Org, organisation


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        for number in range(120):
            made.new_project(f"acme/many/p{number:03}")
        yield made


def test_group_projects_come_in_pages_of_a_hundred_at_most(org: Org) -> None:
    query = """query($path: ID!, $after: String) { group(fullPath: $path) {
      projects(includeSubgroups: true, first: 500, after: $after) {
        pageInfo { hasNextPage endCursor } nodes { id fullPath } } } }"""
    met: list[str] = []
    after: str | None = None
    sizes = []
    while True:
        data = org.graphql(query, "owner", path="acme", after=after)["data"]
        assert isinstance(data, dict)
        page = data["group"]["projects"]
        met += [node["fullPath"] for node in page["nodes"]]
        sizes.append(len(page["nodes"]))
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert sizes == [100, 21] and len(set(met)) == 121


def test_ci_files_are_read_in_bulk_and_absent_ones_have_no_node(org: Org) -> None:
    query = """query($paths: [String!]) { projects(fullPaths: $paths) { nodes { fullPath
      repository { rootRef blobs(paths: [".gitlab-ci.yml"], first: 1) { nodes { path rawBlob } } } } } }"""
    data = org.graphql(query, paths=["acme/tools/widget", "acme/many/p000"])["data"]
    assert isinstance(data, dict)
    found = {node["fullPath"]: node["repository"]["blobs"]["nodes"] for node in data["projects"]["nodes"]}
    assert found["acme/many/p000"] == []
    assert found["acme/tools/widget"][0]["rawBlob"].strip().startswith("build:")


def test_a_bad_token_is_401_and_none_is_anonymous(org: Org) -> None:
    headers = {"Authorization": "Bearer glpat-nobody"}
    answer = httpx.post(
        f"{org.url}/api/graphql", json={"query": "{currentUser{id}}"}, headers=headers, trust_env=False, verify=False
    )
    assert (answer.status_code, answer.json()) == (401, {"errors": [{"message": "Invalid token"}]})
    assert org.graphql("{ currentUser { id } }", None) == {"data": {"currentUser": None}}


def test_a_reading_token_may_query(org: Org) -> None:
    org.tokens["reading"] = org.world.create_token(org.people["developer"], ["read_api"], "reading")
    assert org.graphql("{ currentUser { username } }", "reading") == {
        "data": {"currentUser": {"username": "developer"}}
    }


def test_too_long_a_query_is_422(org: Org) -> None:
    query = "{ currentUser { id } }" + "#" * 10_000
    answer = httpx.post(f"{org.url}/api/graphql", json={"query": query}, trust_env=False, verify=False)
    assert (answer.status_code, answer.json()) == (422, {"errors": [{"message": "Query too large"}]})


def test_an_array_is_a_multiplex(org: Org) -> None:
    queries = [{"query": "{ currentUser { id } }"}, {"query": "{ nonsense }"}]
    first, second = httpx.post(f"{org.url}/api/graphql", json=queries, trust_env=False, verify=False).json()
    assert first == {"data": {"currentUser": None}}
    assert "Cannot query field 'nonsense'" in second["errors"][0]["message"]


def test_what_one_may_not_see_is_null_without_an_error(org: Org) -> None:
    asked = org.graphql('{ project(fullPath: "acme/tools/widget") { id } group(fullPath: "acme") { id } }', "outsider")
    assert asked == {"data": {"project": None, "group": None}}
