"""Rules about settings, one table: what each says of a place that is well kept, badly kept, and out of sight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.estate import ProjectFacts
from bot.domain.gitlab import Level
from bot.domain.verdicts import Verdict
from bot.hygiene.catalogue import RULES
from tests.unit.hygiene_facts import BROKEN, LOCKED, PROJECT, ci, job, place, variable

OIDC = {"PYPI_ID_TOKEN": ("pypi",)}
RULE = {rule.info.id: rule for rule in RULES}
GROUP, INSTANCE = Level.GROUP, Level.INSTANCE

PASS: list[tuple[str, ProjectFacts]] = [
    ("RW101", place(variable())),
    ("RW101", place(variable("TWINE_REPOSITORY_URL", masked=False))),
    ("RW101", place(variable(masked=False, group="acme"))),  # the group's to answer for
    ("RW101", place(variable("DEPLOY_TOKEN", masked=False))),
    ("RW102", place(variable())),
    ("RW102", place(variable("PYPI_TOKEN_URL", protected=False))),
    ("RW103", place(variable())),
    ("RW103", place(variable(hidden=None))),  # GitLab before 17.4
    ("RW103", place(variable("TWINE_USERNAME", hidden=False))),
    ("RW104", place(variable())),
    ("RW104", place(variable("TWINE_USERNAME", scope="*"))),
    ("RW104", place(variable(instance=True, scope="*"), level=INSTANCE)),
    ("RW105", place(variable(), variable(group="acme"))),
    ("RW105", place(variable(masked=False), variable(group="acme", masked=False))),
    ("RW106", place(variable(file=True))),
    ("RW106", place(variable(masked=False))),
    ("RW107", place(variable())),
    ("RW108", place(variable("AWS_SECRET"))),
    ("RW108", place(variable("SSH_PUBLIC_KEY", masked=False))),
    ("RW108", place(variable(masked=False))),  # RW101's
    ("RW109", place(variable("TWINE_TOKEN"), variable())),
    ("RW109", place(variable("TWINE_TOKEN"), ci=ci(job(uses=("TWINE_TOKEN",))))),
    ("RW109", place(variable("TWINE_TOKEN"), variable(group="acme"))),
    ("RW110", place(ci=ci(job(id_tokens=OIDC)))),
    ("RW110", place(variable(), ci=ci(job()))),
    ("RW110", place(variable(scope="other"), ci=ci(job(id_tokens=OIDC)))),
    ("RW111", place(variable(), ci=ci(job(variables={"TWINE_USERNAME": "__token__"})))),
    ("RW111", place(variable(), ci=ci(job(variables={"TWINE_USERNAME": "$NAME"})))),
    (
        "RW111",
        place(variable(), ci=ci(job(variables={"TWINE_USERNAME": "ci", "TWINE_REPOSITORY_URL": "https://in.house"}))),
    ),
    ("RW112", place(variable(), variable("TWINE_USERNAME"))),
    ("RW112", place(variable(), variable("TWINE_USERNAME", scope="*", protected=False))),
    ("RW112", place(variable("TWINE_USERNAME"))),
    ("RW113", place(variable())),
    ("RW113", place(variable("TWINE_USERNAME", group="acme"), level=GROUP)),
    ("RW114", place(variable())),
    ("RW114", place(variable(scope="*"))),
    ("RW115", place(variable("CI_DEBUGGER"))),
    ("RW116", place(variable("PIP_INDEX_URL"))),
    ("RW117", place(variable(), ci=ci(job()))),
    ("RW117", place(variable(scope="*"), ci=ci(job(environment=None)))),
    ("RW117", place(variable(scope="pypi/*"), ci=ci(job(environment="pypi/$CI_COMMIT_TAG")))),
]
FAIL: list[tuple[str, ProjectFacts, str, str]] = [
    ("RW101", place(variable(masked=False, hidden=False)), "high", "TWINE_PASSWORD"),
    ("RW101", place(variable("TEST_PYPI_API_TOKEN", masked=False, hidden=False)), "high", "TEST_PYPI_API_TOKEN"),
    ("RW101", place(variable("TWINE_USERNAME", masked=False, hidden=False)), "low", "TWINE_USERNAME"),
    (
        "RW101",
        replace(place(variable("UPLOAD", masked=False, hidden=False)), named=frozenset({"UPLOAD"})),
        "high",
        "UPLOAD",
    ),
    ("RW101", place(variable(masked=False, hidden=None, group="acme"), level=GROUP), "high", "TWINE_PASSWORD"),
    (
        "RW101",
        place(variable("DEPLOY_TOKEN", masked=False, hidden=None), ci=ci(job(uses=("DEPLOY_TOKEN",)))),
        "high",
        "DEPLOY_TOKEN",
    ),
    ("RW102", place(variable(protected=False)), "high", "TWINE_PASSWORD"),
    ("RW102", place(variable("PYPI_USER", protected=False)), "low", "PYPI_USER"),
    ("RW103", place(variable(hidden=False)), "medium", "TWINE_PASSWORD"),
    ("RW104", place(variable(scope="*")), "low", "TWINE_PASSWORD"),
    ("RW105", place(variable(masked=False), variable(group="acme")), "medium", "TWINE_PASSWORD"),
    ("RW105", place(variable(protected=False), variable(instance=True)), "medium", "TWINE_PASSWORD"),
    ("RW106", place(variable("PYPIRC", file=True, masked=False), ci=ci(job(uses=("PYPIRC",)))), "medium", "PYPIRC"),
    ("RW107", place(variable(raw=False)), "info", "TWINE_PASSWORD"),
    ("RW108", place(variable("AWS_SECRET_ACCESS_KEY", masked=False, hidden=False)), "medium", "AWS_SECRET_ACCESS_KEY"),
    ("RW109", place(variable("TWINE_TOKEN")), "low", "TWINE_TOKEN"),
    ("RW110", place(variable(), ci=ci(job(id_tokens=OIDC))), "medium", "TWINE_PASSWORD"),
    ("RW110", place(variable(group="acme", scope="*"), ci=ci(job(id_tokens=OIDC))), "medium", "TWINE_PASSWORD"),
    ("RW111", place(variable(), ci=ci(job(variables={"TWINE_USERNAME": "ada"}))), "low", "publish"),
    ("RW112", place(variable(), variable("TWINE_USERNAME", scope="test")), "low", "TWINE_USERNAME"),
    ("RW112", place(variable(protected=False), variable("TWINE_USERNAME")), "low", "TWINE_USERNAME"),
    ("RW113", place(variable(group="acme"), level=GROUP), "low", "TWINE_PASSWORD"),
    ("RW113", place(variable(instance=True), level=INSTANCE), "medium", "TWINE_PASSWORD"),
    ("RW114", place(variable(), variable(scope="*")), "low", "TWINE_PASSWORD"),
    ("RW115", place(variable("CI_DEBUG_TRACE")), "medium", "CI_DEBUG_TRACE"),
    ("RW116", place(variable("PIP_EXTRA_INDEX_URL")), "low", "PIP_EXTRA_INDEX_URL"),
    ("RW117", place(variable(scope="production"), ci=ci(job())), "medium", "TWINE_PASSWORD"),
    ("RW117", place(variable(), ci=ci(job(environment=None))), "medium", "TWINE_PASSWORD"),
]
UNKNOWN: list[tuple[str, ProjectFacts]] = [
    *((rule, place(unread=LOCKED)) for rule in RULE if rule.startswith("RW1") and rule not in ("RW111", "RW113")),
    *((rule, place(unread=LOCKED, level=GROUP)) for rule in RULE if rule.startswith("RW1") and rule != "RW111"),
    *((rule, place(variable(), ci=BROKEN)) for rule in ("RW110", "RW111", "RW117")),
]


@pytest.mark.parametrize(("rule", "facts"), PASS)
def test_what_is_in_order_is_passed_over(rule: str, facts: ProjectFacts) -> None:
    """No finding, neither failed nor unknown."""
    assert list(RULE[rule].judge(facts)) == []


@pytest.mark.parametrize(("rule", "facts", "severity", "resource"), FAIL)
def test_what_is_wrong_is_found(rule: str, facts: ProjectFacts, severity: str, resource: str) -> None:
    """One finding, at its severity, about the right resource, with reason and remedy."""
    (found,) = RULE[rule].judge(facts)
    assert (found.rule, found.verdict, found.severity.word) == (rule, Verdict.FAIL, severity)
    assert found.resource.endswith((f"/variables/{resource}", f"#{resource}"))
    assert found.project == facts.full_path
    assert resource in found.reason
    assert found.remedy


@pytest.mark.parametrize(("rule", "facts"), UNKNOWN)
def test_what_cannot_be_seen_is_unknown(rule: str, facts: ProjectFacts) -> None:
    """Never passed: an unknown finding that says what would help."""
    found = list(RULE[rule].judge(facts))
    assert [one.verdict for one in found] == [Verdict.UNKNOWN]
    assert found[0].remedy


def test_every_rule_has_a_row_for_each_answer() -> None:
    """A rule without a table is no rule."""
    rules = {rule for rule in RULE if rule.startswith("RW1")}
    assert len(rules) >= 14
    for rows in (PASS, FAIL, UNKNOWN):
        assert {str(row[0]) for row in rows} == rules


def test_a_scope_of_its_own_is_another_finding() -> None:
    """Two variables of one name and two scopes are two findings."""
    facts = place(variable(masked=False, hidden=None), variable(masked=False, hidden=None, scope="test"))
    assert {one.identity for one in RULE["RW101"].judge(facts)} == {
        "RW101:project/7/variables/TWINE_PASSWORD:pypi",
        "RW101:project/7/variables/TWINE_PASSWORD:test",
    }
    assert {one.project for one in RULE["RW101"].judge(facts)} == {PROJECT}
