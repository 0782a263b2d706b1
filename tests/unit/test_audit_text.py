"""The text says what is wrong, where, why and what to do, and never lets a name take over the terminal."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.findings import AuditReport, Finding, RuleInfo
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats import FORMATS, Options
from bot.hygiene.spelling import json_text, visible
from tests.unit.audit_reports import CATALOGUE, catalogues, finding, report, reports, texts, waiver

GOLDEN = Path(__file__).parents[1] / "data" / "audit" / "report.txt"
OWN_COLOR = re.compile(r"\x1b\[[0-9;]+m")


def _unknown(project: str) -> Finding:
    return finding("RW102", project=project, resource="instance/variables", verdict=Verdict.UNKNOWN)


def _waived(rule: str, days: date) -> Finding:
    return finding(rule, verdict=Verdict.WAIVED, waiver=waiver(expires=days))


def _whole() -> AuditReport:
    found = (
        finding(scope="production"),
        finding(resource="project/12/variables/\x1b[2JPYPI\u202eNEKOT"),
        finding("RW201", resource="project/12/.gitlab-ci.yml#deploy", line=42),
        finding("RW301", Severity.MEDIUM, project="acme/web", resource="project/13/protected_tags/v*"),
        finding("RW104", Severity.LOW, project="", resource="instance/variables/PYPI_TOKEN"),
    )
    unknown = (*map(_unknown, ("a", "b", "c", "d")), finding("RW103", verdict=Verdict.UNKNOWN))
    return report(
        *found, unknown=unknown, waived=(_waived("RW103", date(2027, 1, 31)), _waived("RW104", date(2027, 1, 31)))
    )


def test_the_text_is_as_reviewed() -> None:
    assert FORMATS["text"](_whole(), CATALOGUE, Options(width=80)) == GOLDEN.read_text(encoding="utf-8")


def test_colour_changes_nothing_but_the_colour() -> None:
    plain = FORMATS["text"](_whole(), CATALOGUE, Options(width=80))
    colored = FORMATS["text"](_whole(), CATALOGUE, Options(width=80, color=True))
    assert colored != plain
    assert OWN_COLOR.sub("", colored) == plain


def test_a_published_page_stands_where_the_command_would() -> None:
    text = FORMATS["text"](report(finding()), CATALOGUE, Options(docs="https://docs.example.com/{rule}"))
    assert "= see: https://docs.example.com/RW101\n" in text


@pytest.mark.parametrize(
    ("given", "first", "rest"),
    [
        (report(), "No findings in 2,000 projects.", ()),
        (report(unknown=(_unknown("a"),)), "No findings in 2,000 projects; 1 check could not be made.", ()),
        (report(complete=False), "No findings in 2,000 projects.", ("The audit is incomplete",)),
        (report(finding()), "1 finding in 2,000 projects: 1 high.", ()),
        (
            report(waived=(_waived("RW103", date(2027, 1, 31)),)),
            "No findings in 2,000 projects.",
            ("1 waived by Ann, until 2027-01-31.",),
        ),
        (
            report(waived=tuple(_waived("RW103", date(2027, 1, day)) for day in (1, 2, 2, 3, 4, 5, 6, 7))),
            "No findings in 2,000 projects.",
            ("8 waived: 2 by Ann, until 2027-01-02; 1 by Ann, until 2027-01-01;", "2 by others."),
        ),
    ],
)
def test_the_end_says_how_much_there_is_and_what_is_not_shown(
    given: AuditReport, first: str, rest: tuple[str, ...]
) -> None:
    text = FORMATS["text"](given, CATALOGUE, Options())
    assert f"{first}\n" in text
    for part in rest:
        assert part in text


@pytest.mark.slow
@given(reports, catalogues, st.booleans(), st.sampled_from([0, 1, 40, 80]))
def test_no_name_takes_over_the_terminal(
    given: AuditReport, catalogue: dict[str, RuleInfo], color: bool, width: int
) -> None:
    text = FORMATS["text"](given, catalogue, Options(color=color, width=width))
    assert all(OWN_COLOR.sub("", line).isprintable() for line in text.split("\n"))
    text.encode("utf-8")
    assert text.count("[RW") >= sum(found.rule.startswith("RW") for found in given.findings)


@given(texts)
def test_what_is_made_visible_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    assert json_text(text).isprintable()
