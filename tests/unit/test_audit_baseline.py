"""A baseline hides what was known and nothing else; a file that we did not write is refused with its line."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport
from bot.domain.verdicts import Verdict
from bot.hygiene.baseline import Baseline, new_only, read_baseline, write_baseline
from tests.unit.audit_reports import finding, report, reports

HEADER = '{"schema": "ropewalk.baseline/1"}\n'
ENTRY = '{"identity": "RW101:a:*", "verdict": "fail", "project": "a"}\n'


def test_the_file_is_one_sorted_line_a_finding() -> None:
    known = report(finding("RW201"), finding(), finding(), unknown=(finding("RW102", verdict=Verdict.UNKNOWN),))
    about = '"project": "acme/tools/widget"}\n'
    assert write_baseline(known) == (
        f'{HEADER}{{"identity": "RW101:project/12/variables/TWINE_PASSWORD:*", "verdict": "fail", {about}'
        f'{{"identity": "RW102:project/12/variables/TWINE_PASSWORD:*", "verdict": "unknown", {about}'
        f'{{"identity": "RW201:project/12/variables/TWINE_PASSWORD:*", "verdict": "fail", {about}'
    )


def test_only_what_is_new_stays_and_the_rest_is_counted() -> None:
    baseline = read_baseline(write_baseline(report(finding(), finding("RW103"))), "b")
    left = new_only(report(finding(), finding(scope="production"), finding("RW102")), baseline)
    assert [(found.rule, found.scope) for found in left.findings] == [("RW101", "production"), ("RW102", "*")]
    assert left.baselined == 1


def test_a_renamed_project_is_no_news() -> None:
    baseline = read_baseline(write_baseline(report(finding())), "b")
    assert new_only(report(finding(project="acme/tools/renamed")), baseline).findings == ()


def test_what_could_not_be_judged_is_new_once_it_fails() -> None:
    baseline = read_baseline(write_baseline(report(unknown=(finding(verdict=Verdict.UNKNOWN),))), "b")
    left = new_only(report(finding(), unknown=(finding(verdict=Verdict.UNKNOWN),)), baseline)
    assert (len(left.findings), len(left.unknown)) == (1, 0)


def test_a_waived_finding_is_not_written_and_not_hidden() -> None:
    waived = finding(verdict=Verdict.WAIVED)
    assert write_baseline(report(waived=(waived,))) == HEADER
    baseline = read_baseline(write_baseline(report(finding())), "b")
    assert new_only(report(waived=(waived,)), baseline).waived == (waived,)


@given(reports)
def test_what_was_written_is_read_back_whatever_the_names(given: AuditReport) -> None:
    text = write_baseline(given)
    assert text.isascii() or all(line.isprintable() for line in text.split("\n"))
    baseline = read_baseline(text, "b")
    encodable = [f for f in given.findings if f.identity.encode("utf-8", "replace").decode() == f.identity]
    assert all(baseline.holds(found) for found in encodable)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 1, "empty"),
        ("RW101\n", 1, "not JSON"),
        (ENTRY, 1, "first line"),
        ('{"schema": "ropewalk.baseline/2"}\n', 1, "first line"),
        (HEADER + ENTRY + "\n" + ENTRY, 3, "not JSON"),
        (HEADER + "[]\n", 2, "not a JSON object"),
        (HEADER + "[" * 100_000 + "\n", 2, "not JSON"),
        (HEADER + ENTRY.replace('"a"', "1"), 2, "each a text"),
        (HEADER + ENTRY.replace("project", "projekt"), 2, "each a text"),
        (HEADER + ENTRY + ENTRY.replace("fail", "pass"), 3, "neither"),
        (HEADER + ENTRY + "<<<<<<< ours\n", 3, "not JSON"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_its_line(text: str, line: int, part: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_baseline(text, "baseline.jsonl")
    assert refusal.value.where == f"baseline.jsonl:{line}"
    assert part in str(refusal.value)


def test_an_empty_baseline_hides_nothing() -> None:
    assert new_only(report(finding()), Baseline()) == report(finding())
