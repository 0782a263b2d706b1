"""Refs no rule protects: what expressions take, and what protecting a variable would cost there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.ci.reading import read_ci
from bot.domain.estate import Access, ProjectFacts, ProtectedBranches, ProtectedTags
from bot.hygiene.conditions import Outside, holds
from bot.hygiene.repair import Step, repairs
from bot.hygiene.shapes import wildcards
from bot.hygiene.wildcards import matches
from tests.unit.hygiene_facts import TAGS, access, place, variable

EVERY = (ProtectedTags(pattern="*", create=(40,)),)
LOOSE = variable(protected=False, scope="*")
MAIN = ProtectedBranches(pattern="main", push=(40,), merge=(40,), force_push=False)
RELEASES = ProtectedBranches(pattern="release/*", push=(40,), merge=(40,), force_push=False)
BOTH = access(branches=(MAIN, RELEASES))


@pytest.mark.parametrize(
    ("pattern", "covers"),
    [
        (r"/^v\d+\.\d+$/", ("v*.*",)),
        (r"/^release\//", ("release/*",)),
        ("/^(v|rel-)1$/", ("*1",)),
        ("/^v1$|^w/", ("v1", "w*")),
        ("/beta/", ("*beta*",)),
        ("/^v?1/", ("*1*",)),
        ("/^v{2}x/", ("*x*",)),
        (r"/^[a-z\]]+-\-/", ("*--*",)),
        ("/^V/i", None),
        ("/(?!v)x/", None),
        ("/a^b/", None),
        ("/[a/", None),
    ],
)
def test_what_an_expression_takes_is_covered_by_wildcards(pattern: str, covers: tuple[str, ...] | None) -> None:
    assert wildcards(pattern) == covers


PIECES = st.sampled_from(["^", "$", "v", "1", "/", r"\.", r"\d", "(v|w)", "[v1]", "v?", "1+", "|", ".*", "x{2}", r"\/"])
NAMES = st.text(alphabet="vw1x./-", min_size=1, max_size=8)


@given(st.lists(PIECES, max_size=6), NAMES, st.lists(st.sampled_from(["v*", "*1", "w/*", "vx"]), max_size=2))
def test_what_is_said_of_names_outside_is_true_of_each(pieces: list[str], name: str, guards: list[str]) -> None:
    """A wildcard covers whatever the expression is found in; a sure answer about any unprotected ref fits this one."""
    pattern = f"/{''.join(pieces)}/"
    try:
        found = re.search(pattern[1:-1], name) is not None
    except re.error:
        return
    covers = wildcards(pattern)
    assert not found or covers is None or any(matches(one, name) for one in covers)
    outside = Outside(tuple(guards))
    if outside.may_be(name):
        for condition in (f"$REF =~ {pattern}", f"$REF !~ {pattern}", f'$REF == "{name}"', "$REF", f'$REF != "{name}"'):
            told = holds(condition, {"REF": outside})
            assert told is None or told == holds(condition, {"REF": name}), condition


def project(job: str, known: Access, workflow: str = "") -> ProjectFacts:
    text = f"{workflow}\npublish:\n  script: [twine upload dist/*]\n  {job}\n"
    return place(LOOSE, ci=read_ci(text, merged=False), access=known)


REFUSED = [
    ("rules: [{if: '$CI_COMMIT_BRANCH =~ /^release\\//'}]", access(), "branch release/9999.0.0"),
    ("rules: [{if: $CI_COMMIT_TAG}, {if: '$CI_COMMIT_BRANCH == \"develop\"'}]", access(), "branch develop"),
    ("rules: [{if: '$CI_COMMIT_TAG =~ /^rel-/'}]", access(), "tag rel-9999.0.0"),
    ("rules: [{if: '$CI_COMMIT_TAG =~ /^(v|rel-)/'}]", access(), "may run for tags"),
    ("rules: [{if: '$CI_COMMIT_BRANCH =~ /^v/'}]", access(), "branch v9999.0.0"),  # tags of that name are protected
    ("only: [tags, /^hotfix-/]", access(), "hotfix-9999.0.0"),
    ("rules: [{if: $CI_COMMIT_BRANCH}]", access(), "may run for branches"),
    ("", access(), "may run for branches"),
    ("rules: [{if: '$CI_PIPELINE_SOURCE == \"schedule\"'}]", access(tags=EVERY), "may run for branches"),
    ("only: [merge_requests]", access(), "may run for merge requests"),
    ("rules: [{if: '$CI_COMMIT_BRANCH =~ /beta/'}]", access(), "may run for branches"),
    ("environment: pypi/$CI_COMMIT_REF_NAME\n  only: [branches]", access(), "may run for branches"),
]


@pytest.mark.parametrize(("job", "known", "why"), REFUSED)
def test_protecting_is_refused_where_the_job_publishes_from_what_no_rule_protects(
    job: str, known: Access, why: str
) -> None:
    (found,) = repairs([project(job, known)], None)
    assert (found.step, why in found.reason) == (Step.REFUSED, True), found.reason


TAKEN = [
    ("rules: [{if: '$CI_COMMIT_TAG =~ /^v\\d+\\.\\d+$/'}]", access()),
    ("rules: [{if: '$CI_COMMIT_REF_PROTECTED == \"true\"'}]", access(tags=())),
    ("rules: [{if: '$CI_COMMIT_BRANCH =~ /^release\\//'}, {if: '$CI_COMMIT_TAG =~ /^v/'}]", BOTH),
    ("rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]", access()),
    ("only: [main, /^release\\//]", BOTH),
    ("only: [main]", access(tags=())),
    ("only: [tags]", access(tags=EVERY)),
    ("rules: [{if: '$CI_COMMIT_REF_NAME == \"main\"'}]", access(tags=TAGS)),
]


@pytest.mark.parametrize(("job", "known"), TAKEN)
def test_protecting_is_planned_where_rules_protect_all_that_the_job_runs_for(job: str, known: Access) -> None:
    (found,) = repairs([project(job, known)], None)
    assert (found.step, found.flags) == (Step.SET, ("protected",)), found.reason
    assert found.reason == ""


def test_what_protecting_cuts_off_is_told() -> None:
    """A job for any tag publishes what policy releases; that a stray tag does no more is what protecting is for."""
    (found,) = repairs([project("rules: [{if: $CI_COMMIT_TAG}]", access())], None)
    assert found.step is Step.SET
    assert found.reason == "acme/tools/widget: job publish runs for any tag; those beyond v* will not get it"
