"""Conditions of rules are true, false or undecided; and which pipelines run a job follows from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ci import CiFacts
from bot.hygiene.conditions import OPEN, Value, holds, matches
from bot.hygiene.reach import Chance, Pipeline, chance
from bot.sandbox.ci.expressions import ExpressionError, parse, truthful
from tests.unit.ci_texts import project, uploading

KNOWN: dict[str, Value] = {"A": "a", "EMPTY": "", "NONE": None, "WHAT": OPEN}


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("$A", True),
        ("$EMPTY", False),
        ("$NONE", False),
        ("$WHAT", None),
        ("$OTHER", None),
        ('$A == "a"', True),
        ("$A != 'a'", False),
        ("$NONE == null", True),
        ("$EMPTY == null", False),
        ("$A =~ /^A$/i", True),
        ("$A !~ /b/", True),
        ("$NONE =~ /x/", False),
        ("$NONE =~ /^v(\\d+)+$/", False),
        ("$EMPTY && $A", True),
        ("$WHAT =~ /x/", None),
        ("$A && $WHAT", None),
        ("$NONE && $WHAT", False),
        ("$A || $WHAT", True),
        ("$NONE || $WHAT", None),
        ("$NONE && $A || $A", True),
        ("$NONE && ($A || $A)", False),
        ('"a" == $A', True),
        ("$A ==", None),
        ("($A", None),
        ("$A)", None),
        ("$A $A", None),
        ("hello", None),
        ("(" * 50 + "$A" + ")" * 50, None),
        ("$A" + " || $A" * 2_000, None),
    ],
)
def test_a_condition_is_judged_with_what_is_known(condition: str, answer: bool | None) -> None:
    assert holds(condition, KNOWN) is answer


@pytest.mark.parametrize(
    "pattern", ["/(a+)+$/", "/(a|a)*b/", "/(?=a)a/", "/(/", "/a{99999999999}/", "/" + "a" * 300 + "/"]
)
def test_patterns_that_could_take_for_ever_or_are_none_decide_nothing(pattern: str) -> None:
    assert matches(pattern, "a" * 60) is None


values = st.sampled_from(["$A", "$EMPTY", "$NONE", '"a"', '""', "null"])
comparisons = st.one_of(
    values,
    st.tuples(values, st.sampled_from(["==", "!="]), values).map(" ".join),
    st.tuples(
        st.sampled_from(["$A", "$EMPTY", "$NONE"]), st.sampled_from(["=~", "!~"]), st.sampled_from(["/a/", "/^$/"])
    ).map(" ".join),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(" ".join) | inner.map("({})".format),
    max_leaves=6,
)


@given(conditions)
def test_where_all_is_known_it_says_what_the_embedded_gitlab_says(condition: str) -> None:
    try:
        expected = truthful(parse(condition), {"A": "a", "EMPTY": ""})
    except ExpressionError:
        return
    assert holds(condition, KNOWN) is expected


TAG = Pipeline(source="push", ref="v1", tag=True)
BRANCH = Pipeline(source="push", ref="topic")
MAIN = Pipeline(source="push", ref="main", protected=True)
REQUEST = Pipeline(source="merge_request_event", ref="topic")
SCHEDULE = Pipeline(source="schedule", ref="main", protected=True)


@pytest.mark.parametrize(
    ("keys", "runs"),
    [
        ("", "YYYNY"),
        ("only: [tags]", "YNNNN"),
        ("only: [main]", "NNYNY"),
        ("only: [schedules]", "NNNNY"),
        ("only: [merge_requests]", "NNNYN"),
        ("only: [/^v/]", "YNNNN"),
        ("only: {refs: [branches], variables: [$UNKNOWN]}", "N??N?"),
        ("except: [branches]", "YNNNN"),
        ("except: {variables: ['$CI_COMMIT_TAG']}", "NYYNY"),
        ("rules: [{when: on_success}]", "YYYYY"),
        ("rules: [{if: $CI_COMMIT_TAG}]", "YNNNN"),
        ("rules: [{if: $CI_COMMIT_TAG, when: never}, {when: manual}]", "NYYYY"),
        ("rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}]", "NNYNY"),
        ("rules: [{if: '$CI_COMMIT_REF_PROTECTED == \"true\"'}]", "NNYNY"),
        ("rules: [{if: '$CI_PIPELINE_SOURCE == \"schedule\"', when: never}, {if: $CI_COMMIT_BRANCH}]", "NYYNN"),
        ("rules: [{if: $UNKNOWN}]", "?????"),
        ("rules: [{if: $UNKNOWN, when: never}, {if: $CI_COMMIT_TAG}]", "?NNNN"),
        ("rules: [{changes: [x], when: never}, {when: on_success}]", "YYYYY"),
        ("rules: []", "NNNNN"),
    ],
)
def test_which_pipelines_run_a_job(keys: str, runs: str) -> None:
    ci = project(uploading(keys=keys)).ci
    assert isinstance(ci, CiFacts)
    words = {Chance.YES: "Y", Chance.NO: "N", Chance.OPEN: "?"}
    found = [chance(ci, ci.jobs[0], one) for one in (TAG, BRANCH, MAIN, REQUEST, SCHEDULE)]
    assert "".join(words[one] for one in found) == runs
