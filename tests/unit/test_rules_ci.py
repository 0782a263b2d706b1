"""Rules about CI files, one table: what each says of a file that is well kept, badly kept, and out of sight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.ci import CiUnknown
from bot.domain.verdicts import Severity, Verdict
from tests.unit.ci_rule_cases import FAIL, HIDDEN, OPEN, PASS, WITHOUT_ACCESS
from tests.unit.ci_texts import RULE, judged, of, project, script, uploading
from tests.unit.hygiene_facts import variable

IDS = [f"RW2{number:02}" for number in range(1, 25)]


def _cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(rule, text) for rule, texts in table.items() for text in texts]


def test_each_rule_has_its_cases() -> None:
    assert [rule for rule in RULE if rule.startswith("RW2")] == IDS
    assert list(PASS) == list(FAIL) == IDS


@pytest.mark.parametrize(("rule", "text"), _cases(PASS))
def test_a_well_kept_file_passes(rule: str, text: str) -> None:
    assert judged(rule, project(text)) == []


@pytest.mark.parametrize(
    ("rule", "text", "reason", "line"), [(rule, *case) for rule, cases in FAIL.items() for case in cases]
)
def test_a_badly_kept_file_fails_with_its_line(rule: str, text: str, reason: str, line: int) -> None:
    (found,) = judged(rule, project(text))
    assert (found.rule, found.verdict, found.line) == (rule, Verdict.FAIL, line), found
    assert reason in found.reason
    assert found.resource.startswith("project/7/.gitlab-ci.yml")
    assert found.remedy


@pytest.mark.parametrize("rule", IDS)
def test_a_file_that_cannot_be_read_is_unknown(rule: str) -> None:
    (found,) = judged(rule, of(CiUnknown(reason="the CI file could not be read: it is larger than 1 MiB")))
    assert (found.verdict, found.resource) == (Verdict.UNKNOWN, "project/7/.gitlab-ci.yml")
    assert "larger than 1 MiB" in found.reason


@pytest.mark.parametrize("rule", IDS)
def test_no_file_is_nothing_to_judge(rule: str) -> None:
    assert judged(rule, of(None)) == []


@pytest.mark.parametrize("rule", [rule for rule in IDS if rule != "RW224"])
@pytest.mark.parametrize("text", HIDDEN)
def test_includes_that_may_hide_the_answer_make_it_unknown(rule: str, text: str) -> None:
    (found,) = judged(rule, project(text))
    assert found.verdict is Verdict.UNKNOWN
    assert "not resolved" in found.reason
    assert "Developer" in found.remedy


@pytest.mark.parametrize("rule", IDS)
def test_templates_of_gitlab_itself_hide_nothing(rule: str) -> None:
    assert judged(rule, project("include: [{template: Jobs/SAST.gitlab-ci.yml}]\njob: {script: [make]}")) == []


@pytest.mark.parametrize(("rule", "text"), _cases(OPEN))
def test_what_the_file_does_not_say_is_unknown(rule: str, text: str) -> None:
    (found,) = judged(rule, project(text))
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("rule", ["RW204", "RW205", "RW219"])
def test_a_job_that_extends_another_file_is_not_judged_by_what_it_lacks(rule: str) -> None:
    (found,) = judged(rule, project(WITHOUT_ACCESS))
    assert found.verdict is Verdict.UNKNOWN


def test_the_end_of_a_python_needs_a_date() -> None:
    (found,) = judged("RW211", project(uploading(keys="image: python:3.10"), at=None))
    assert found.verdict is Verdict.UNKNOWN


def test_twine_token_in_the_settings_counts_too() -> None:
    (found,) = judged("RW213", project(uploading(), variable("TWINE_TOKEN")))
    assert "no password reaches twine" in found.reason
    assert judged("RW213", project(uploading(), variable("TWINE_TOKEN"), variable())) == []


@pytest.mark.parametrize(
    ("rule", "text", "severity"),
    [
        ("RW201", "variables: {POSTGRES_PASSWORD: postgres}", Severity.LOW),
        ("RW201", "variables: {DATABASE_URL: 'postgresql+psycopg://me:hunter2hunter2@db/x'}", Severity.LOW),
        ("RW201", "variables: {API_TOKEN: hunter2hunter2}", Severity.MEDIUM),
        ("RW201", "variables: {PYPI_TOKEN: hunter2hunter2}", Severity.HIGH),
        ("RW202", script("twine upload -p $CI_JOB_TOKEN x"), Severity.LOW),
        ("RW202", script("twine upload -p $CI_JOB_TOKEN x", "twine upload -p $TOKEN x"), Severity.MEDIUM),
        ("RW203", script("env"), Severity.MEDIUM),
        ("RW203", script("env; echo $TOKEN"), Severity.HIGH),
        ("RW208", script("make", keys="only: [main]"), Severity.INFO),
        ("RW210", uploading(keys="image: python:3.14"), Severity.LOW),
        ("RW224", "include: https://x/y.yml", Severity.MEDIUM),
    ],
)
def test_severity_follows_what_is_at_stake(rule: str, text: str, severity: Severity) -> None:
    (found,) = judged(rule, project(text))
    assert found.severity is severity


def test_a_job_has_one_finding_for_each_rule_that_names_all_that_is_wrong() -> None:
    (found,) = judged("RW203", project(script("echo $A_TOKEN", "echo $B_TOKEN", "echo $A_TOKEN")))
    assert found.reason == "A_TOKEN is printed; B_TOKEN is printed"
    assert (found.line, found.resource) == (4, "project/7/.gitlab-ci.yml#deploy")


def test_names_of_jobs_cannot_move_the_cursor() -> None:
    (found,) = judged("RW219", project('"a\\e[2J\\u202eb": {script: [twine upload x]}'))
    assert found.resource == "project/7/.gitlab-ci.yml#a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b"


def test_a_finding_names_the_file_where_the_settings_put_it() -> None:
    """Whatever it is called, on one line."""
    (found,) = judged("RW208", replace(project(FAIL["RW208"][0][0]), ci_path="deploy/c\ni.yml@acme/shared"))
    assert found.resource.startswith("project/7/deploy/c\N{REPLACEMENT CHARACTER}i.yml@acme/shared#")
