"""`rules`, `only`, `except` and `workflow` choose the jobs GitLab would choose."""

from collections.abc import Mapping, Sequence

import pytest

from bot.sandbox.ci.config import read_config
from bot.sandbox.ci.model import CiError
from bot.sandbox.ci.selection import EMPTY, FILTERED, Chosen, Trigger, choose, workflow_variables
from bot.sandbox.ci.spec import CiFile


def read(text: str) -> CiFile:
    return read_config(text, read=lambda _: None, files=list)


def trigger(
    *,
    ref: str = "main",
    tag: bool = False,
    source: str = "push",
    changed: Sequence[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Trigger:
    return Trigger(
        ref=ref,
        tag=tag,
        source=source,
        changed=changed,
        files=lambda: ["src/a.py", "README.md"],
        variables=lambda _: variables or {},
    )


ON_MAIN, ON_TAG = trigger(), trigger(ref="v1", tag=True, variables={"CI_COMMIT_TAG": "v1"})


def chosen(job: str, why: Trigger) -> Chosen | None:
    found = choose(read(f"always: {{script: a, rules: [{{when: always}}]}}\nx: {{script: a, {job}}}"), why)
    return next((each for each in found if each.spec.name == "x"), None)


@pytest.mark.parametrize(
    ("job", "why", "there"),
    [
        ("stage: test", ON_MAIN, True),
        ("stage: test", ON_TAG, True),
        ("stage: test", trigger(source="merge_request_event"), False),
        ("when: never", ON_MAIN, False),
        ("only: [main]", ON_MAIN, True),
        ("only: [main]", ON_TAG, False),
        ("only: main", trigger(ref="maintenance"), False),
        ("only: [tags]", ON_TAG, True),
        ("only: [branches]", ON_TAG, False),
        ("only: [/^v/]", ON_TAG, True),
        ("only: [/^V/i]", ON_TAG, True),
        ("only: [schedules]", ON_MAIN, False),
        ("only: [schedules]", trigger(source="schedule"), True),
        ("only: [api, web]", trigger(source="web"), True),
        ("only: {refs: [tags], variables: ['$CI_COMMIT_TAG == \"v2\"']}", ON_TAG, False),
        ("only: {variables: [$CI_COMMIT_TAG]}", ON_TAG, True),
        ("only: {changes: ['src/*']}", trigger(changed=["README.md"]), False),
        ("only: {changes: ['src/*']}", trigger(changed=["src/a.py"]), True),
        ("except: [main]", ON_MAIN, False),
        ("except: [tags]", ON_MAIN, True),
        ("only: [branches], except: [/^ma/]", ON_MAIN, False),
        ("rules: []", ON_MAIN, False),
        ("rules: [{if: $CI_COMMIT_TAG}]", ON_MAIN, False),
        ("rules: [{if: $CI_COMMIT_TAG}]", ON_TAG, True),
        ("rules: [{if: $CI_COMMIT_TAG, when: never}, {when: always}]", ON_TAG, False),
        ("rules: [{changes: ['src/*']}]", trigger(changed=None), True),
        ("rules: [{changes: {paths: ['src/*']}}]", trigger(changed=["README.md"]), False),
        ("rules: [{exists: ['**/*.py']}]", ON_MAIN, True),
        ("rules: [{exists: ['*.py']}]", ON_MAIN, False),
    ],
)
def test_there_or_not(job: str, why: Trigger, there: bool) -> None:
    assert (chosen(job, why) is not None) is there


@pytest.mark.parametrize(
    ("job", "when", "allow_failure"),
    [
        ("stage: test", "on_success", False),
        ("when: manual", "manual", True),
        ("when: manual, allow_failure: false", "manual", False),
        ("rules: [{when: manual}]", "manual", False),
        ("rules: [{when: manual, allow_failure: true}]", "manual", True),
        ("when: manual, rules: [{if: '\"a\"'}]", "manual", False),
        ("allow_failure: true, rules: [{when: always}]", "always", True),
        ("allow_failure: true, rules: [{allow_failure: false}]", "on_success", False),
    ],
)
def test_how_it_starts_and_whether_it_may_fail(job: str, when: str, allow_failure: bool) -> None:
    found = chosen(job, ON_MAIN)
    assert found is not None
    assert (found.when, found.allow_failure) == (when, allow_failure)


def test_a_rule_adds_variables() -> None:
    found = chosen("rules: [{variables: {A: b}}]", ON_MAIN)
    assert found is not None
    assert {key: each.value for key, each in found.variables.items()} == {"A": "b"}


def test_an_emptied_pipeline_is_refused() -> None:
    for text in ("x: {script: a, only: [tags]}", "x: {script: a, stage: .pre}\ny: {script: a, stage: .post}"):
        with pytest.raises(CiError) as caught:
            choose(read(text), ON_MAIN)
        assert caught.value.messages == [EMPTY]


def test_a_needed_job_that_the_rules_left_out_is_refused() -> None:
    text = "a: {script: a, only: [tags]}\nb: {script: a, needs: [a]}"
    with pytest.raises(CiError, match="'b' job needs 'a' job, but 'a' does not exist in the pipeline"):
        choose(read(text), ON_MAIN)
    optional = text.replace("[a]}", "[{job: a, optional: true}]}")
    assert [each.spec.name for each in choose(read(optional), ON_MAIN)] == ["b"]


def test_workflow_rules() -> None:
    file = read("workflow: {rules: [{if: $CI_COMMIT_TAG, variables: {A: b}}]}\nx: {script: a}")
    assert {key: each.value for key, each in workflow_variables(file, ON_TAG).items()} == {"A": "b"}
    with pytest.raises(CiError) as caught:
        workflow_variables(file, ON_MAIN)
    assert caught.value.messages == [FILTERED]
