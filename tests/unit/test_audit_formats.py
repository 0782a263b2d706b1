"""Reports for programs are valid by their readers' own schemas, whatever the names in them, and lose no finding."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import xmlschema
from hypothesis import given, settings

from bot.domain.findings import AuditReport, RuleInfo
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats import FORMATS, Options
from bot.hygiene.spelling import sentences
from tests.unit.audit_reports import CATALOGUE, catalogues, finding, report, reports, waiver

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
SARIF = jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
# codeclimate.json of GitLab, and what its code asks for besides: a path to link to, a line, a severity it can rank.
CODE_QUALITY = jsonschema.Draft7Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string"},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "pattern": "^[^/]"},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
            },
        },
    }
)
LOOK = Options(version="1.2.3", docs="https://docs.example.com/rules/{rule}/")

HELD = waiver("RW104")
REPORT = report(
    replace(finding(scope="production"), first_seen=datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    finding("RW201", resource="project/12/ci/publish it.yml#deploy", line=42),
    finding("RW301", Severity.MEDIUM, project="acme", resource="group/3/variables/PYPI_TOKEN"),
    unknown=(finding("RW102", project="", resource="instance/variables", verdict=Verdict.UNKNOWN),),
    waived=(finding("RW104", Severity.LOW, verdict=Verdict.WAIVED, waiver=HELD),),
)


def _write(name: str, given: AuditReport = REPORT, options: Options = LOOK) -> str:
    return FORMATS[name](given, CATALOGUE, options)


def _loads(text: str) -> Any:
    """JSON as a strict reader sees it: UTF-8, no constants, and safe to show on a terminal."""
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    document = json.loads(text.encode("utf-8"), parse_constant=pytest.fail)
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # no half of a character, which strict readers refuse
    return document


def _count(given: AuditReport) -> int:
    return len(given.findings) + len(given.unknown) + len(given.waived)


# JSON


def test_json_has_the_keys_of_the_contract() -> None:
    document = _loads(_write("json"))
    first = {
        "rule": "RW101",
        "severity": "high",
        "verdict": "fail",
        "project": "acme/tools/widget",
        "resource": "project/12/variables/TWINE_PASSWORD",
        "scope": "production",
        "reason": "TWINE_PASSWORD is not as it should be.",
        "remedy": "Mend it.",
        "identity": "RW101:project/12/variables/TWINE_PASSWORD:production",
        "first_seen": "2026-11-01T08:30:00Z",
    }
    assert document["findings"][0] == first
    assert document["findings"][1]["line"] == 42
    assert [(f["verdict"], f["first_seen"]) for f in document["unknown"]] == [("unknown", None)]
    assert document["waived"][0]["waiver"] == {"owner": "Ann", "reason": "Known.", "expires": "2027-01-31"}
    assert {key: document[key] for key in ("schema", "complete", "projects", "requests", "seconds")} == {
        "schema": "ropewalk.audit/1",
        "complete": True,
        "projects": 2000,
        "requests": 57,
        "seconds": 4.1,
    }


@given(reports)
def test_json_gives_back_what_was_there(given: AuditReport) -> None:
    document = _loads(_write("json", given))
    held = (*given.findings, *given.unknown, *given.waived)
    entries = document["findings"] + document["unknown"] + document["waived"]
    assert len(entries) == len(held)
    for entry, found in zip(entries, held, strict=True):
        for key in ("project", "resource", "reason", "identity"):
            text = getattr(found, key)
            if text.encode("utf-8", "ignore").decode() == text:  # no lone surrogate in it
                assert entry[key] == text


# SARIF


def test_sarif_says_what_each_finding_is_and_where() -> None:
    document = _loads(_write("sarif"))
    SARIF.validate(document)
    (run,) = document["runs"]
    hard, job, group, unknown, waived = run["results"]
    assert [(r["ruleId"], r["kind"], r["level"]) for r in run["results"]] == [
        ("RW101", "fail", "error"),
        ("RW201", "fail", "error"),
        ("RW301", "fail", "warning"),
        ("RW102", "open", "none"),
        ("RW104", "fail", "note"),
    ]
    assert hard["partialFingerprints"] == {
        "ropewalkIdentity/v1": "RW101:project/12/variables/TWINE_PASSWORD:production"
    }
    assert "physicalLocation" not in hard["locations"][0]
    assert hard["locations"][0]["logicalLocations"][0]["name"] == "TWINE_PASSWORD"
    assert job["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "ci/publish%20it.yml", "uriBaseId": "acme/tools/widget"},
        "region": {"startLine": 42},
    }
    assert list(run["originalUriBaseIds"]) == ["acme/tools/widget"]
    assert group["message"]["text"] == "PYPI_TOKEN is not as it should be. Mend it."
    assert "suppressions" not in unknown
    assert waived["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "Known. (Ann, until 2027-01-31)"}
    ]


@pytest.mark.parametrize(
    ("rule", "resource", "line", "expected"),
    [
        ("RW201", "project/12/.gitlab-ci.yml#deploy", None, {"uri": ".gitlab-ci.yml"}),
        ("RW201", "project/12/.gitlab-ci.yml", None, {"uri": ".gitlab-ci.yml"}),
        ("RW201", "project/12/variables/TWINE_PASSWORD", None, None),
        ("RW301", "project/12/protected_branches/release.yml", None, None),
        ("RW301", "project/12/schedules/4", 7, {"uri": ".gitlab-ci.yml"}),
        ("RW201", "project/12/a:b//../%c.yaml#x", 7, {"uri": "a%3Ab//../%25c.yaml"}),
    ],
)
def test_sarif_names_a_file_only_where_the_finding_is_about_one(
    rule: str, resource: str, line: int | None, expected: dict[str, str] | None
) -> None:
    document = _loads(_write("sarif", report(finding(rule, project="", resource=resource, line=line))))
    SARIF.validate(document)
    place = document["runs"][0]["results"][0]["locations"][0].get("physicalLocation")
    assert (None if place is None else place["artifactLocation"]) == expected
    assert (place or {}).get("region") == (None if line is None else {"startLine": line})


def test_sarif_explains_every_rule_of_the_catalogue() -> None:
    (run,) = _loads(_write("sarif"))["runs"]
    driver = run["tool"]["driver"]
    assert driver["version"] == "1.2.3"
    assert [rule["id"] for rule in driver["rules"]] == sorted(CATALOGUE)
    assert all(driver["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    first = driver["rules"][0]
    assert first["helpUri"] == "https://docs.example.com/rules/RW101/"
    assert "Whoever reads the job log can publish." in first["help"]["text"]
    assert "Mask the variable." in first["help"]["text"]


def test_sarif_says_when_the_audit_did_not_come_to_its_end() -> None:
    (run,) = _loads(_write("sarif", report(complete=False)))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "incomplete" in invocation["toolExecutionNotifications"][0]["message"]["text"]


@settings(max_examples=50)  # the standard's schema is a slow one
@given(reports, catalogues)
def test_sarif_is_valid_whatever_the_names(given: AuditReport, catalogue: dict[str, RuleInfo]) -> None:
    document = _loads(FORMATS["sarif"](given, catalogue, Options()))
    SARIF.validate(document)
    (run,) = document["runs"]
    assert len(run["results"]) == _count(given)
    for rule in run["tool"]["driver"]["rules"]:
        address = urlsplit(rule["helpUri"])
        assert (address.scheme, rule["helpUri"].isascii()) == ("https", True)


# Code Quality


def test_code_quality_points_at_the_line_or_at_the_ci_file() -> None:
    entries = _loads(_write("codequality"))
    CODE_QUALITY.validate(entries)
    assert [
        (e["check_name"], e["severity"], e["location"]["path"], e["location"]["lines"]["begin"]) for e in entries
    ] == [
        ("RW101", "critical", ".gitlab-ci.yml", 1),
        ("RW201", "critical", "ci/publish it.yml", 42),
        ("RW301", "major", ".gitlab-ci.yml", 1),
        ("RW102", "info", ".gitlab-ci.yml", 1),
    ]
    assert entries[0]["description"] == (
        "RW101 publishing credential not masked: TWINE_PASSWORD is not as it should be. Mend it."
    )
    assert entries[3]["description"].startswith("RW102 could not be judged: ")


def test_code_quality_has_the_same_fingerprint_after_a_rename_and_one_entry_for_each() -> None:
    before = _loads(_write("codequality", report(finding(), finding())))
    after = _loads(_write("codequality", report(finding(project="acme/renamed"))))
    assert [e["fingerprint"] for e in before] == [e["fingerprint"] for e in after]


@given(reports)
def test_code_quality_is_valid_whatever_the_names(given: AuditReport) -> None:
    entries = _loads(_write("codequality", given))
    CODE_QUALITY.validate(entries)
    assert len(entries) == len({found.identity for found in (*given.findings, *given.unknown)})


# JUnit


def _junit(text: str) -> ElementTree.Element:
    JUNIT.validate(text)
    return ElementTree.fromstring(text.encode("utf-8"))


def test_junit_counts_failures_errors_and_skipped_tests_by_project() -> None:
    root = _junit(_write("junit"))
    assert root.attrib | {"name": ""} == {"name": "", "tests": "6", "failures": "3", "errors": "1"}
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors"), s.get("skipped")) for s in root] == [
        ("ropewalk audit", "1", "0", "0", "0"),
        ("acme/tools/widget", "3", "2", "0", "1"),
        ("acme", "1", "1", "0", "0"),
        ("the instance", "1", "0", "1", "0"),
    ]
    case = root[1][1]
    assert (case.get("classname"), case.get("name")) == (
        "acme/tools/widget",
        "RW201 project/12/ci/publish it.yml#deploy:42",
    )
    assert (case[0].tag, case[0].get("type"), case[0].get("message")) == (
        "failure",
        "high",
        "high: RW201 hardcoded credential",
    )
    assert "Mend it." in cast(str, case[0].text)
    skipped = root[1][2][0]
    assert skipped.get("message") == "waived by Ann until 2027-01-31: RW104 publishing credential of every environment"


@pytest.mark.parametrize(("complete", "errors"), [(True, "0"), (False, "1")])
def test_a_clean_junit_report_has_one_test_and_it_fails_if_the_audit_was_interrupted(
    complete: bool, errors: str
) -> None:
    root = _junit(_write("junit", report(complete=complete)))
    assert (root.get("tests"), root.get("errors")) == ("1", errors)


@settings(max_examples=50)  # so is the validator of XML Schema
@given(reports, catalogues)
def test_junit_is_valid_whatever_the_names(given: AuditReport, catalogue: dict[str, RuleInfo]) -> None:
    root = _junit(FORMATS["junit"](given, catalogue, Options()))
    assert len(list(root.iter("testcase"))) == _count(given) + 1


# CSV


def _csv(text: str) -> list[dict[str, str]]:
    assert all(line.isprintable() for line in text.split("\r\n"))
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_csv_has_a_line_for_each_finding() -> None:
    rows = _csv(_write("csv"))
    assert [row["verdict"] for row in rows] == ["fail", "fail", "fail", "unknown", "waived"]
    assert rows[0] == {
        "verdict": "fail",
        "severity": "high",
        "rule": "RW101",
        "title": "publishing credential not masked",
        "project": "acme/tools/widget",
        "resource": "project/12/variables/TWINE_PASSWORD",
        "scope": "production",
        "line": "",
        "reason": "TWINE_PASSWORD is not as it should be.",
        "remedy": "Mend it.",
        "first_seen": "2026-11-01T08:30:00Z",
        "waived_by": "",
        "waived_until": "",
        "waiver_reason": "",
        "identity": "RW101:project/12/variables/TWINE_PASSWORD:production",
        "page": "https://docs.example.com/rules/RW101/",
    }
    assert (rows[4]["waived_by"], rows[4]["waived_until"]) == ("Ann", "2027-01-31")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "|x"])
def test_no_cell_is_a_formula(name: str) -> None:
    (row,) = _csv(_write("csv", report(finding(project=name, resource=name))))
    assert not re.match(r"[=+\-@|\t\r]", row["project"] + row["resource"])


@given(reports)
def test_csv_is_one_line_a_finding_whatever_the_names(given: AuditReport) -> None:
    rows = _csv(_write("csv", given))
    assert len(rows) == _count(given)
    assert all(None not in row and None not in row.values() for row in rows)
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"-?[0-9,.]+", cell)]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("it is open", "Close it"), "it is open. Close it"),
        (("it is open.", "Close it."), "it is open. Close it."),
        (("is it?", "", " Yes "), "is it? Yes"),
        (("", ""), ""),
    ],
)
def test_reason_and_remedy_are_sentences(texts: tuple[str, ...], told: str) -> None:
    """Side by side they would read as one."""
    assert sentences(*texts) == told
