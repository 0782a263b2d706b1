"""Whatever a CI file holds, it is read or unknown: never an exception, never for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.ci.reading import read_ci
from bot.adapters.ci.shell import read_commands
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.verdicts import Verdict
from tests.bounds import examples
from tests.unit.ci_hostile import MEAN, ODD
from tests.unit.ci_texts import RULE, of

CI_RULES = [rule for name, rule in RULE.items() if name.startswith("RW2")]
SLOW = {"many values", "merge keys that copy", "parents of parents", "many entries", "one long script for all"}
KEYWORDS = ["script", "before_script", "rules", "only", "except", "image", "variables", "id_tokens", "extends", "needs"]
KEYWORDS += [
    "environment",
    "artifacts",
    "trigger",
    "inherit",
    "allow_failure",
    "when",
    "default",
    "include",
    "workflow",
]
WORDS = [
    "twine",
    "upload",
    "|",
    "||",
    "true",
    "$TOKEN",
    '"',
    "'",
    "$(",
    ")",
    "<<E",
    "\n",
    "`",
    "\\",
    "{",
    "}",
    "if",
    "fi",
]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(["$A", "a: b", "*x"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(max_size=5), inner),
    max_leaves=20,
)
files = st.dictionaries(st.sampled_from([*KEYWORDS, "job", ".hidden", "a"]), values, max_size=5)


def flow(value: object) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "null" if value is None else str(value).lower()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MEAN]
)
def test_what_is_too_much_is_unknown_with_a_reason(name: str) -> None:
    found = read_ci(MEAN[name], merged=False)
    assert isinstance(found, CiUnknown), found
    assert found.reason.startswith("the CI file could not be read: ")
    assert found.reason.isprintable()
    for rule in CI_RULES:
        assert [finding.verdict for finding in rule.judge(of(found))] == [Verdict.UNKNOWN]


@pytest.mark.parametrize("name", list(ODD))
def test_what_is_odd_is_read_and_judged(name: str) -> None:
    found = read_ci(ODD[name], merged=False)
    assert isinstance(found, CiFacts), found
    for rule in CI_RULES:
        for finding in rule.judge(of(found)):
            assert finding.resource.isprintable()
            assert finding.reason.isprintable()


@examples(30, 300)
@given(files)
def test_any_shape_of_file_is_read_or_unknown_and_judged(tree: dict[str, object]) -> None:
    found = read_ci(flow(tree), merged=False)
    for rule in CI_RULES:
        for finding in rule.judge(of(found)):
            assert finding.rule == rule.info.id


@examples(60, 150)
@given(st.text(max_size=200))
def test_any_text_is_read_or_unknown(text: str) -> None:
    assert isinstance(read_ci(text, merged=False), CiFacts | CiUnknown)


@examples(40, 100)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=30).map(" ".join))
def test_any_script_has_commands_or_none(script: str) -> None:
    for command in read_commands(script, 1):
        assert command.line is not None
        assert 1 <= command.line <= script.count("\n") + 1
