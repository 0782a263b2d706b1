"""What was not asked for is left out and counted; a rule that does not exist is a mistake, not an empty filter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.select import Selection, check_rules, gathered, ordered, select, tally, worst
from tests.unit.audit_reports import CATALOGUE, finding, report, reports

FINDINGS = report(
    finding("RW101"),
    finding("RW201"),
    finding("RW103", Severity.MEDIUM),
    finding("RW104", Severity.LOW),
    unknown=(finding("RW102", verdict=Verdict.UNKNOWN),),
    waived=(finding("RW301", Severity.MEDIUM, verdict=Verdict.WAIVED),),
)


@pytest.mark.parametrize(
    ("selection", "failing", "unknown", "waived"),
    [
        (Selection(), ["RW101", "RW201", "RW103", "RW104"], 1, 1),
        (Selection(only=("RW1",)), ["RW101", "RW103", "RW104"], 1, 0),
        (Selection(only=("RW101", "RW3")), ["RW101"], 0, 1),
        (Selection(skip=("RW1",)), ["RW201"], 0, 1),
        (Selection(only=("RW1",), skip=("RW103",)), ["RW101", "RW104"], 1, 0),
        (Selection(min_severity=Severity.MEDIUM), ["RW101", "RW201", "RW103"], 1, 1),
        (Selection(min_severity=Severity.HIGH, skip=("RW2",)), ["RW101"], 1, 0),
        (Selection(skip=("RW",)), [], 0, 0),
    ],
)
def test_a_selection_keeps_what_it_names_and_counts_the_rest(
    selection: Selection, failing: list[str], unknown: int, waived: int
) -> None:
    kept = select(FINDINGS, selection)
    assert [found.rule for found in kept.findings] == failing
    assert (len(kept.unknown), len(kept.waived)) == (unknown, waived)
    assert kept.filtered == 4 - len(failing)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("RW9", "lists the rules"),
        ("rw101", "Did you mean `RW101`?"),
        ("RW1011", "`RW101`"),
        ("", "neither"),
        ("\x1b", "\\x1b"),
    ],
)
def test_a_name_that_is_no_rule_is_refused_with_a_near_miss(name: str, part: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_rules(("RW1", name), CATALOGUE, "--only")
    assert refusal.value.where == "--only"
    assert part in str(refusal.value)


def test_rules_and_prefixes_that_exist_are_accepted() -> None:
    check_rules(("RW", "RW1", "RW10", "RW101"), CATALOGUE, "--only")


@given(reports)
def test_the_gravest_stand_first_and_none_is_lost(given: AuditReport) -> None:
    arranged = ordered(given.findings)
    assert sorted(map(id, arranged)) == sorted(map(id, given.findings))
    assert [found.severity for found in arranged] == sorted((f.severity for f in arranged), reverse=True)
    assert ordered(arranged) == arranged
    assert worst(arranged) == (arranged[0].severity if arranged else None)
    assert sum(tally(arranged).values()) == len(arranged)


@pytest.mark.slow
@given(reports, st.sampled_from(Severity))
def test_selecting_twice_changes_nothing_more(given: AuditReport, least: Severity) -> None:
    selection = Selection(min_severity=least, skip=("RW1",))
    once = select(given, selection)
    assert select(once, selection) == once


def test_lists_of_groups_are_told_with_the_group_above_that_would_show_them() -> None:
    """A role there is one in all of them; other groups, and other lists, stand for themselves."""

    def unseen(resource: str) -> Finding:
        return replace(finding("RW314", verdict=Verdict.UNKNOWN, resource=resource), reason="not seen")

    names = ("acme", "acme/a", "acme/a/b", "other/x", "acmes")
    lists = [unseen(f"group/{name}/access_tokens") for name in names] + [unseen("group/acme/a/deploy_tokens")]
    told = {one.resource: one.reason for one in gathered(report(unknown=tuple(lists))).unknown}
    assert told == {
        "group/acme/access_tokens": "not seen and of 2 groups below it",
        "group/acmes/access_tokens": "not seen",
        "group/other/x/access_tokens": "not seen",
        "group/acme/a/deploy_tokens": "not seen",
    }


def test_what_could_not_be_looked_at_is_told_once() -> None:
    """Whatever number of rules is about it; other things, and what failed, stay as they are."""
    blind = [
        replace(finding(rule, severity, verdict=Verdict.UNKNOWN, resource="instance/variables"), reason="not seen")
        for rule, severity in (("RW102", Severity.HIGH), ("RW101", Severity.LOW), ("RW105", Severity.LOW))
    ]
    other = finding("RW301", verdict=Verdict.UNKNOWN, resource="project/12/protected_tags")
    before = report(finding(), unknown=(*blind, other))
    after = gathered(before)
    assert after.findings == before.findings
    assert other in after.unknown
    (one,) = (found for found in after.unknown if found is not other)
    assert (one.rule, one.severity, one.resource) == ("RW101", Severity.HIGH, "instance/variables")
    assert one.reason == "not seen (2 more rules cannot be judged for it, either)"
    assert gathered(after) == after
