"""CI/CD variables of the sandbox: GitLab's rules, word for word."""

from collections.abc import Iterator

import pytest

from tests.contract.sandbox_org import Org, organisation

WIDGET = "/projects/1/variables"


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def test_defaults_are_those_of_the_rest_api(org: Org) -> None:
    answer = org.call("POST", WIDGET, json={"key": "K", "value": "v"})
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "variable_type": "env_var",
            "key": "K",
            "value": "v",
            "hidden": False,
            "protected": False,
            "masked": False,
            "raw": False,
            "environment_scope": "*",
            "description": None,
        },
    )


def test_refusals_are_gitlabs_words(org: Org) -> None:
    def post(**body: object) -> tuple[int, object]:
        answer = org.call("POST", WIDGET, json=body)
        return answer.status_code, answer.json()

    assert post(value="v") == (400, {"error": "key is missing"})
    assert post(key="K", value="v")[0] == 201
    assert post(key="K", value="v") == (400, {"message": {"key": ["(K) has already been taken"]}})
    assert post(key="K", value="v", environment_scope="production")[0] == 201
    assert post(key="MASKED", value="short", masked=True) == (400, {"message": {"value": ["is invalid"]}})
    assert post(key="MASKED", value="with spaces in it", masked=True)[0] == 400
    assert post(key="MASKED", value="has$dollar!", masked=True)[0] == 400
    assert post(key="RAW", value="has$dollar!", masked=True, raw=True)[0] == 201
    assert post(key="not-a-key", value="v")[0] == 400


def test_a_key_with_several_scopes_needs_the_filter(org: Org) -> None:
    for scope in ("*", "production"):
        org.call("POST", WIDGET, json={"key": "K", "value": scope, "environment_scope": scope})
    told = {"message": "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"}
    for method in ("GET", "PUT", "DELETE"):
        answer = org.call(method, f"{WIDGET}/K")
        assert (answer.status_code, answer.json()) == (409, told)
    chosen = org.call("GET", f"{WIDGET}/K?filter[environment_scope]=production")
    assert chosen.json()["value"] == "production"
    put = org.call("PUT", f"{WIDGET}/K", json={"protected": True, "filter": {"environment_scope": "production"}})
    assert (put.json()["environment_scope"], put.json()["protected"]) == ("production", True)


def test_a_groups_put_without_filter_changes_the_first_match(org: Org) -> None:
    path = "/groups/acme/variables"
    for scope in ("*", "production"):
        org.call("POST", path, "owner", json={"key": "K", "value": scope, "environment_scope": scope})
    assert org.call("GET", f"{path}/K", "owner").status_code == 409
    changed = org.call("PUT", f"{path}/K", "owner", json={"protected": True})
    assert (changed.status_code, changed.json()["environment_scope"]) == (200, "*")
    flags = {row["environment_scope"]: row["protected"] for row in org.call("GET", path, "owner").json()}
    assert flags == {"*": True, "production": False}


def test_put_changes_only_what_was_sent_and_never_the_key(org: Org) -> None:
    org.call("POST", WIDGET, json={"key": "K", "value": "12345678", "protected": True})
    changed = org.call("PUT", f"{WIDGET}/K", json={"masked": True, "key": "OTHER"}).json()
    assert (changed["key"], changed["value"], changed["protected"], changed["masked"]) == ("K", "12345678", True, True)


def test_hidden_variables_show_no_value_and_stay_masked(org: Org) -> None:
    made = org.call("POST", WIDGET, json={"key": "H", "value": "12345678", "masked_and_hidden": True}).json()
    assert (made["value"], made["hidden"], made["masked"]) == (None, True, True)
    assert org.call("PUT", f"{WIDGET}/H", json={"hidden": False}).json()["hidden"] is True
    refused = org.call("PUT", f"{WIDGET}/H", json={"masked": False})
    sentence = "The visibility setting cannot be changed for masked and hidden variables."
    assert (refused.status_code, refused.json()) == (400, {"message": {"base": [sentence]}})


def test_instance_variables_have_no_scope_and_end_at_twenty_five(org: Org) -> None:
    for number in range(25):
        answer = org.call("POST", "/admin/ci/variables", "admin", json={"key": f"K{number}", "value": "v"})
        assert answer.status_code == 201 and "environment_scope" not in answer.json()
    assert org.call("POST", "/admin/ci/variables", "admin", json={"key": "K", "value": "v"}).status_code == 400


def test_graphql_gives_flags_without_values_and_null_without_permission(org: Org) -> None:
    org.world.set_variable(org.project, "TOKEN", "12345678", masked=True, protected=True)
    org.world.set_variable(org.world.groups["acme"], "GROUP_TOKEN", "12345678")
    org.world.set_variable(None, "INSTANCE_TOKEN", "12345678")
    query = """query($ids: [ID!]) {
      projects(ids: $ids, first: 100) {
        nodes { fullPath
          ciVariables { nodes { key masked protected hidden environmentScope } }
          inheritedCiVariables { nodes { key groupName protected } }
        }
      }
      ciVariables { nodes { key } }
    }"""
    ids = ["gid://gitlab/Project/1"]
    assert org.graphql(query, "maintainer", ids=ids)["data"] == {
        "projects": {
            "nodes": [
                {
                    "fullPath": "acme/tools/widget",
                    "ciVariables": {
                        "nodes": [
                            {
                                "key": "TOKEN",
                                "masked": True,
                                "protected": True,
                                "hidden": False,
                                "environmentScope": "*",
                            }
                        ]
                    },
                    "inheritedCiVariables": {
                        "nodes": [{"key": "GROUP_TOKEN", "groupName": "acme", "protected": False}]
                    },
                }
            ]
        },
        "ciVariables": None,
    }
    asked = org.graphql(query, "developer", ids=ids)
    assert "errors" not in asked
    assert asked["data"] == {
        "projects": {"nodes": [{"fullPath": "acme/tools/widget", "ciVariables": None, "inheritedCiVariables": None}]},
        "ciVariables": None,
    }
    assert org.graphql("{ciVariables{nodes{key}}}", "admin")["data"] == {
        "ciVariables": {"nodes": [{"key": "INSTANCE_TOKEN"}]}
    }
