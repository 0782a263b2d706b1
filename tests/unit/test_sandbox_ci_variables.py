"""A job sees the value GitLab would show it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.ci.model import CiVariable, Level
from bot.sandbox.ci.variables import Variable, expand, expand_all, scope_rank, secrets, settings_variables, strongest


def variable(value: str, level: Level, *, depth: int = 0, scope: str = "*", protected: bool = False) -> CiVariable:
    return CiVariable(key="X", value=value, level=level, depth=depth, environment_scope=scope, protected=protected)


@pytest.mark.parametrize(
    ("variables", "environment", "expected"),
    [
        ([variable("i", "instance"), variable("g", "group")], None, "g"),
        ([variable("deep", "group", depth=2), variable("root", "group")], None, "deep"),
        ([variable("p", "project"), variable("deep", "group", depth=9)], None, "p"),
        ([variable("scoped", "project", scope="prod")], None, None),
        ([variable("scoped", "project", scope="prod"), variable("all", "project")], None, "all"),
        ([variable("scoped", "project", scope="prod"), variable("all", "project")], "prod", "scoped"),
        ([variable("exact", "project", scope="a/b"), variable("like", "project", scope="a/*")], "a/b", "exact"),
        ([variable("like", "project", scope="a/*"), variable("all", "project")], "a/b", "like"),
        ([variable("exact", "group", scope="a/b"), variable("all", "project")], "a/b", "all"),
        ([variable("secret", "project", protected=True), variable("g", "group")], None, "g"),
    ],
)
def test_the_strongest_setting_on_an_unprotected_ref(
    variables: list[CiVariable], environment: str | None, expected: str | None
) -> None:
    found = strongest([settings_variables(variables, protected_ref=False, environment=environment)])
    assert (found["X"].value if "X" in found else None) == expected


def test_protected_ones_are_there_on_a_protected_ref() -> None:
    found = settings_variables([variable("s", "project", protected=True)], protected_ref=True, environment=None)
    assert [each.value for each in found] == ["s"]


@pytest.mark.parametrize(
    ("scope", "environment", "rank"),
    [
        ("*", None, 0),
        ("*", "x", 0),
        ("x", None, None),
        ("x", "x", 2),
        ("x*", "xyz", 1),
        ("*z", "xyz", 1),
        ("X", "x", None),
    ],
)
def test_scopes(scope: str, environment: str | None, rank: int | None) -> None:
    assert scope_rank(scope, environment) == rank


def values(**texts: str) -> dict[str, Variable]:
    return {key: Variable(key=key, value=text) for key, text in texts.items()}


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"A": "1", "B": "$A-${A}"}, {"A": "1", "B": "1-1"}),
        ({"B": "$A", "A": "$C", "C": "c"}, {"A": "c", "B": "c", "C": "c"}),
        ({"A": "x$MISSING!"}, {"A": "x!"}),
        ({"A": "cost $$5 or $$A"}, {"A": "cost $5 or $A"}),
        ({"A": "100% of %B% %MISSING%", "B": "b"}, {"A": "100% of b %MISSING%", "B": "b"}),
        ({"TWINE_PASSWORD": "$TWINE_PASSWORD"}, {"TWINE_PASSWORD": "$TWINE_PASSWORD"}),
        ({"A": "$B", "B": "b$A"}, {"A": "b$A", "B": "b$B"}),
        ({"A": "$A1", "A1": "x"}, {"A": "x", "A1": "x"}),
    ],
)
def test_expansion(given_: dict[str, str], expected: dict[str, str]) -> None:
    assert expand_all(values(**given_)) == expected


def test_raw_values_and_files_are_not_expanded_but_can_be_referred_to() -> None:
    found = {
        **values(A="$R/$F", T="t"),
        "R": Variable(key="R", value="$T", raw=True),
        "F": Variable(key="F", value="$T", file=True),
    }
    assert expand_all(found) == {"A": "$T/$T", "T": "t", "R": "$T", "F": "$T"}


PARTS = st.sampled_from(["$A", "$B", "$C", "${D}", "$NONE", "$$", "x", "-"])


@given(st.dictionaries(st.sampled_from("ABCD"), st.lists(PARTS, max_size=3).map("".join), min_size=2))
def test_expansion_ends_and_does_not_depend_on_the_order(texts: dict[str, str]) -> None:
    forward = expand_all(values(**texts))
    backward = expand_all(values(**dict(reversed(texts.items()))))
    assert forward == backward
    assert forward.keys() == texts.keys()


def test_a_long_chain_of_doubled_references_is_quick() -> None:
    chain = {f"V{number}": f"$V{number + 1}$V{number + 1}" for number in range(200)} | {"V200": ""}
    assert set(expand_all(values(**chain)).values()) == {""}


def test_expand_once() -> None:
    assert expand("review/$REF-$NONE", {"REF": "$X"}) == "review/$X-"


def test_secrets_are_masked_as_set_and_as_expanded() -> None:
    found = {
        "S": Variable(key="S", value="pre-$A", masked=True),
        **values(A="post"),
        "E": Variable(key="E", value="", masked=True),
    }
    assert secrets(found, expand_all(found)) == {"pre-$A", "pre-post"}
