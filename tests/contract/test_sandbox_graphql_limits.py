"""GraphQL limits of the sandbox: GitLab's complexity formula, depth, recursion, sizes, multiplex, introspection."""

import httpx
import pytest
from graphql import get_introspection_query

from tests.contract.sandbox_org import Org

PAGE = "pageInfo { hasNextPage endCursor }"
VARIABLES = f"ciVariables {{ {PAGE} nodes {{ key variableType raw protected masked hidden environmentScope }} }}"
INHERITED = (
    f"inheritedCiVariables {{ {PAGE} nodes {{ id key variableType raw protected masked hidden environmentScope }} }}"
)
RULES = f"branchRules {{ {PAGE} nodes {{ name isProtected isDefault branchProtection {{ allowForcePush }} }} }}"
LATEST = (
    f'pipelines(first: 1, ref: "main") {{ {PAGE} nodes {{ status }} }} '
    f"releases(first: 1) {{ {PAGE} nodes {{ tagName }} }}"
    " repository { rootRef } lastActivityAt"
)
IDS = "$i: [ID!]"


def projects(fields: str, page: str = "", first: int = 100) -> str:
    return f"query({IDS}) {{ projects(ids: $i, first: {first}) {{ {page} nodes {{ {fields} }} }} SCORE }}"


def group(fields: str) -> str:
    arguments = "includeSubgroups: true, first: 100"
    return f'{{ group(fullPath: "acme") {{ projects({arguments}) {{ {PAGE} nodes {{ {fields} }} }} }} SCORE }}'


# GitLab: app/graphql/types/base_field.rb, app/graphql/resolvers/base_resolver.rb
SCORES = {
    "names and flags": (projects("fullPath ciVariables { nodes { key protected masked hidden raw } }"), 34),
    "with pages": (projects(f"id fullPath {VARIABLES}", PAGE), 62),
    "with inherited ones": (projects(f"id fullPath archived {VARIABLES} {INHERITED}", PAGE), 120),
    "with branch rules": (projects(f"id fullPath archived {VARIABLES} {INHERITED} {RULES}", PAGE), 168),
    "with pipelines and releases": (
        projects(f"id fullPath archived {VARIABLES} {INHERITED} {RULES} {LATEST}", PAGE),
        206,
    ),
    "fifty of the same": (
        projects(f"id fullPath archived {VARIABLES} {INHERITED} {RULES} {LATEST}", PAGE, first=50),
        154,
    ),
    "a group": (group("id fullPath name archived"), 39),
    "a group with all": (group(f"id fullPath name archived {VARIABLES} {INHERITED} {RULES}"), 191),
    "files in bulk": (
        projects('fullPath repository { blobs(paths: [".gitlab-ci.yml"], first: 1) { nodes { path rawBlob } } }'),
        22,
    ),
    "files in bulk, not limited": (
        projects('fullPath repository { blobs(paths: [".gitlab-ci.yml"]) { nodes { path rawBlob } } }'),
        36,
    ),
    "tag counts": (projects("fullPath repository { tagCount }", first=1), 6),
    "branch names": (
        '{ project(fullPath: "acme/tools/widget") { repository '
        '{ branchNames(searchPattern: "*", offset: 0, limit: 9) } } SCORE }',
        172,
    ),
}
PROBE = "queryComplexity { score limit }"
PROBE_COST = 3


def ask(org: Org, query: object, who: str | None = "maintainer") -> httpx.Response:
    headers = {"Authorization": f"Bearer {org.tokens[who]}"} if who else {}
    return httpx.post(f"{org.url}/api/graphql", json=query, headers=headers, trust_env=False, verify=False)


def messages(answer: object) -> list[str]:
    assert isinstance(answer, dict)
    return [error["message"] for error in answer["errors"]]


def nested(levels: int) -> str:
    """A query whose branch is `levels` fields deep, no field more than twice in it."""
    inner = "id"
    for name in ["parent"] * (levels - 3):
        inner = f"{name} {{ {inner} }}"
    return inner


@pytest.mark.parametrize("name", SCORES)
def test_a_query_scores_what_gitlabs_formula_gives_it(org: Org, name: str) -> None:
    query, score = SCORES[name]
    asked = {"query": query.replace("SCORE", PROBE), "variables": {"i": ["gid://gitlab/Project/1"]}}
    answer = ask(org, asked, "admin").json()
    assert answer["data"]["queryComplexity"] == {"score": score + PROBE_COST, "limit": 300}


@pytest.mark.parametrize(("who", "limit"), [(None, 200), ("maintainer", 250), ("admin", 300)])
def test_the_complexity_limit_is_200_anonymous_250_authenticated_300_admin(
    org: Org, who: str | None, limit: int
) -> None:
    fields = " ".join(f"a{number}: metadata {{ version }}" for number in range((limit - PROBE_COST) // 2))
    assert ask(org, {"query": f"{{ {PROBE} {fields} }}"}, who).json()["data"]["queryComplexity"]["limit"] == limit
    over = ask(org, {"query": f"{{ {PROBE} {fields} more: metadata {{ version }} }}"}, who)
    score = PROBE_COST + 2 * ((limit - PROBE_COST) // 2) + 2
    assert over.status_code == 200
    assert over.json() == {
        "errors": [{"message": f"Query has complexity of {score}, which exceeds max complexity of {limit}"}]
    }


def test_a_field_merged_or_skipped_is_counted_as_it_is_executed(org: Org) -> None:
    query = (
        f"query($no: Boolean = false) {{ {PROBE} ...m metadata {{ version }} "
        "currentUser @include(if: $no) { id } } fragment m on Query { metadata { version revision } }"
    )
    assert ask(org, {"query": query}).json()["data"]["queryComplexity"]["score"] == PROBE_COST + 3


def test_the_depth_limit_is_15_anonymous_and_20_authenticated(org: Org) -> None:
    levels = "fields { type { " + "ofType { " * 15 + "name" + " }" * 17
    query = f'{{ __type(name: "Query") {{ {levels} }} }}'
    assert "Query has depth of 19, which exceeds max depth of 15" in messages(ask(org, {"query": query}, None).json())
    assert "errors" not in ask(org, {"query": query}).json()
    deeper = query.replace("name }", "ofType { ofType { name } } }", 1)
    assert "Query has depth of 21, which exceeds max depth of 20" in messages(ask(org, {"query": deeper}).json())


def test_a_field_may_stand_twice_in_a_branch_not_thrice(org: Org) -> None:
    """GitLab: lib/gitlab/graphql/query_analyzers/ast/recursion_analyzer.rb, its stray quote included."""
    twice = '{ group(fullPath: "acme/tools") { parent { parent { id } } } }'
    assert ask(org, {"query": twice}, "owner").json() == {"data": {"group": {"parent": {"parent": None}}}}
    thrice = '{ group(fullPath: "acme/tools") { parent { parent { parent { id } } } } }'
    assert messages(ask(org, {"query": thrice}, "owner").json()) == [
        'Recursive query - too many of fields \'{"parent"=>3}\' detected\nin single branch of the query")\n'
    ]


def test_the_query_text_may_have_ten_thousand_characters_variables_not_counted(org: Org) -> None:
    query = "query($v: [ID!]) { projects(ids: $v) { nodes { id } } }"
    padded = query + "#" * (10_000 - len(query))
    answer = ask(org, {"query": padded, "variables": {"v": ["gid://gitlab/Project/1"] * 2000}})
    assert answer.json() == {"data": {"projects": {"nodes": [{"id": "gid://gitlab/Project/1"}]}}}
    assert ask(org, {"query": padded + "#"}).status_code == 422


def test_a_multiplex_sums_sizes_and_complexities(org: Org) -> None:
    heavy = "{ " + " ".join(f"a{number}: metadata {{ version }}" for number in range(70)) + " }"
    both = ask(org, [{"query": heavy}, {"query": heavy}]).json()
    assert both == [
        {"errors": [{"message": "Query has complexity of 280, which exceeds max complexity of 250"}]},
        {"errors": [{"message": "Query has complexity of 280, which exceeds max complexity of 250"}]},
    ]
    half = "{ currentUser { id } }" + "#" * 5000
    assert ask(org, [{"query": half}, {"query": half}]).status_code == 422
    light = ask(org, [{"query": "{ currentUser { username } }"}, {"query": "{ metadata { enterprise } }"}]).json()
    assert light == [
        {"data": {"currentUser": {"username": "maintainer"}}},
        {"data": {"metadata": {"enterprise": True}}},
    ]


def test_the_schema_can_be_asked_for_by_anyone(org: Org) -> None:
    """GitLab: app/controllers/graphql_controller.rb, INTROSPECTION_MAX_COMPLEXITY."""
    for who, descriptions in ((None, False), ("maintainer", True)):
        query = get_introspection_query(descriptions=descriptions)
        answer = ask(org, {"query": query, "operationName": "IntrospectionQuery"}, who).json()
        names = {one["name"] for one in answer["data"]["__schema"]["types"]}
        assert {"Project", "CiProjectVariable", "QueryComplexity"} <= names


def test_pages_go_backwards_and_forwards_over_all_rows(org: Org) -> None:
    for number in range(5):
        org.world.set_variable(org.project, f"K{number}", "value")
    query = """query($f: Int, $l: Int, $a: String, $b: String) { project(fullPath: "acme/tools/widget") {
      ciVariables(first: $f, last: $l, after: $a, before: $b, sort: KEY_ASC) { count nodes { key }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    def page(**arguments: object) -> tuple[list[str], dict[str, object]]:
        data = ask(org, {"query": query, "variables": arguments}).json()["data"]["project"]["ciVariables"]
        assert data["count"] == 5
        return [node["key"] for node in data["nodes"]], data["pageInfo"]

    keys, info = page(f=2)
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == (["K0", "K1"], True, False)
    keys, info = page(f=3, a=info["endCursor"])
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == (["K2", "K3", "K4"], False, True)
    keys, info = page(l=2, b=info["startCursor"])
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == (["K0", "K1"], True, False)
    keys, info = page(l=2)
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == (["K3", "K4"], False, True)


def test_fields_that_time_out_are_null_with_an_error_each(org: Org) -> None:
    """GitLab: app/graphql/gitlab_schema.rb uses Gitlab::Graphql::Timeout."""
    fault = {"kind": "graphql_timeout", "fields": "Project\\.ciVariables"}
    assert org.control("POST", "faults", json=fault).status_code == 201
    answer = ask(org, {"query": '{ project(fullPath: "acme/tools/widget") { fullPath ciVariables { count } } }'})
    assert answer.status_code == 200
    assert answer.json()["data"] == {"project": {"fullPath": "acme/tools/widget", "ciVariables": None}}
    (error,) = answer.json()["errors"]
    assert (error["message"], error["path"]) == ("Timeout on Project.ciVariables", ["project", "ciVariables"])


def test_cancelled_sql_is_503_with_gitlabs_sentence(org: Org) -> None:
    """GitLab: app/controllers/graphql_controller.rb, ERROR_STATUS_MAP."""
    assert org.control("POST", "faults", json={"kind": "graphql_cancelled"}).status_code == 201
    answer = ask(org, {"query": "{ currentUser { id } }"})
    assert (answer.status_code, messages(answer.json())) == (
        503,
        ["Request timed out. Please try a less complex query or a smaller set of records."],
    )
    assert ask(org, {"query": "{ currentUser { id } }"}).status_code == 200
