"""What stands before a job: GitLab's own order of things, one table; test_next_tag tries the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts
from bot.domain.verdicts import Verdict
from bot.hygiene.order import HELD, OFFERED, RUNS, SKIPPED, WAITS, fates, faults
from bot.hygiene.readiness import Question, readiness
from bot.hygiene.running import Check, runs
from tests.unit.hygiene_facts import access, place, variable

TAG = "v1.2.3"
DEPLOY = "publish: {stage: deploy, script: [twine upload dist/*], rules: [{if: $CI_COMMIT_TAG}]}\n"
NEEDS = DEPLOY.replace("stage: deploy", "stage: deploy, needs: [first]")
OPTIONAL = NEEDS.replace("[first]", "[{job: first, optional: true}]")
BRANCHES = "{rules: [{if: $CI_COMMIT_BRANCH}], script: [x]}"


def read(text: str) -> CiFacts:
    found = read_ci(text, merged=False)
    assert isinstance(found, CiFacts)
    return found


def checks(text: str) -> dict[str, Check]:
    facts = place(variable(scope="*"), ci=read(text), access=access())
    return {one.name: one for one in readiness(facts, Question(tag=TAG, rule=None))}


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (DEPLOY.replace("deploy", "release"), "ci file", "job publish is in the stage release, and there is none"),
        ("stages: [build, deploy]\n" + DEPLOY.replace("deploy", "test"), "ci file", "only build, deploy"),
        (NEEDS, "ci file", "needs job first, and there is none"),
        (NEEDS + "first: {stage: .post, script: [x]}", "ci file", "later stage"),
        (NEEDS + "first: {stage: deploy, needs: [publish], script: [x]}", "ci file", "circle"),
        (DEPLOY + "x: {dependencies: [y], script: [x]}", "ci file", "job x needs job y"),
        (NEEDS + f"first: {BRANCHES}", "pipeline", "job publish needs job first, which is not in it"),
        (
            DEPLOY + "other: {needs: [first], script: [x]}\n" + f"first: {BRANCHES}",
            "pipeline",
            "job other needs job first",
        ),
        (DEPLOY.replace("deploy", ".post"), "pipeline", "would have no job"),
        (
            NEEDS + "first: {when: manual, script: [x]}",
            "publishing job",
            "needs job first, which does not run by itself",
        ),
        (NEEDS + "first: {when: on_failure, script: [x]}", "publishing job", "passed over"),
        (
            DEPLOY + "first: {when: manual, allow_failure: false, script: [x]}",
            "publishing job",
            "job publish is held up: job first stands before it and waits for a person",
        ),
        (DEPLOY + "first: {rules: [{when: manual}], script: [x]}", "publishing job", "waits for a person"),
        (
            NEEDS + "first: {script: [x]}\nzero: {stage: build, rules: [{when: manual}], script: [x]}",
            "publishing job",
            "job zero stands before it",
        ),
    ],
)
def test_what_keeps_the_job_from_its_turn_is_named(text: str, name: str, said: str) -> None:
    found = checks(text)[name]
    assert (found.verdict, said in found.reason) == (Verdict.FAIL, True), found
    assert found.remedy


@pytest.mark.parametrize(
    "text",
    [
        DEPLOY,
        DEPLOY.replace("deploy, ", "deploy, needs: [], ") + "first: {when: manual, allow_failure: false, script: [x]}",
        DEPLOY + "first: {when: manual, script: [x]}",
        DEPLOY + "first: {rules: [{when: manual, allow_failure: true}], script: [x]}",
        DEPLOY + "first: {when: on_failure, script: [x]}",
        DEPLOY + "after: {stage: .post, rules: [{when: manual}], script: [x]}",
        NEEDS + "first: {script: [x]}",
        NEEDS.replace("[first]", "['first 1/2', 'first: [a, b]']") + "first: {parallel: 2, script: [x]}",
        NEEDS.replace("[first]", "[{project: a/b, job: c, ref: main, artifacts: true}, {pipeline: $UP}]"),
        OPTIONAL,
        OPTIONAL + f"first: {BRANCHES}",
        "publish: {when: delayed, start_in: 1 minute, script: [twine upload dist/*], only: [tags]}",
        "stages: [build, release]\n" + DEPLOY.replace("deploy", "release"),
    ],
)
def test_what_does_not_stand_in_the_way_is_no_hindrance(text: str) -> None:
    found = checks(text)
    assert found["publishing job"].verdict is Verdict.PASS, found
    assert found["ci file"].verdict is Verdict.PASS
    assert "pipeline" not in found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (NEEDS + "first: {rules: [{if: $CI_COMMIT_BRANCH}, {if: \"$GO == '1'\"}], script: [x]}", "pipeline"),
        (DEPLOY + "first: {rules: [{when: manual, changes: [x]}, {when: never}], script: [x]}", "publishing job"),
        (NEEDS + "first: {rules: [{when: manual, exists: [x]}, {when: always}], script: [x]}", "publishing job"),
    ],
)
def test_what_may_stand_in_the_way_is_unknown(text: str, name: str) -> None:
    facts = place(variable("GO", scope="*"), variable(scope="*"), ci=read(text), access=access())
    found = {one.name: one for one in readiness(facts, Question(tag=TAG, rule=None))}
    assert found[name].verdict is Verdict.UNKNOWN, found


def test_what_gitlab_says_against_a_file_is_told() -> None:
    ci = replace(read(DEPLOY), refused="jobs:publish config contains unknown keys: scirpt")
    found = {
        one.name: one for one in readiness(place(variable(), ci=ci, access=access()), Question(tag=TAG, rule=None))
    }
    assert found["ci file"].verdict is Verdict.FAIL
    assert found["ci file"].reason == "GitLab refuses it: jobs:publish config contains unknown keys: scirpt"


def test_each_job_has_its_fate() -> None:
    text = """
        hold: {stage: build, rules: [{when: manual}], script: [x]}
        offer: {stage: build, when: manual, script: [x]}
        behind: {stage: test, script: [x]}
        passed: {stage: test, needs: [offer], script: [x]}
        always: {stage: test, needs: [offer], when: always, script: [x]}
        ahead: {stage: test, needs: [], script: [x]}
    """
    ci = read(text)
    (run,) = runs(place(ci=ci, access=access()), ci, TAG, True)
    assert {name: fate.may for name, fate in run.fates.items()} == {
        "hold": {HELD},
        "offer": {OFFERED},
        "behind": {WAITS},
        "passed": {SKIPPED},
        "always": {RUNS},
        "ahead": {RUNS},
    }


def test_thousands_of_jobs_that_need_each_other_are_no_matter() -> None:
    """A chain longer than any stack, and a stage behind it."""
    jobs = [f"j{number}: {{needs: [j{number - 1}], script: [x]}}" for number in range(1, 1_500)]
    ci = read("\n".join(["j0: {script: [x]}", *jobs, DEPLOY]))
    (run,) = runs(place(ci=ci, access=access()), ci, TAG, True)
    assert run.fates["publish"].may == {RUNS}
    assert list(faults(ci)) == []
    assert fates(read("a: {stage: nowhere, script: [x]}"), {}) == {}
