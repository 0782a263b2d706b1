"""A waiver accepts the findings it names until its last day; then they fail again and say so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.findings import AuditReport, Waiver
from bot.domain.verdicts import Verdict
from bot.hygiene.waivers import check_waivers, covers, waive
from tests.unit.audit_reports import CATALOGUE, finding, report, reports, waiver

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (waiver(), True),
        (waiver("RW101"), True),
        (waiver("RW"), True),
        (waiver("RW2"), False),
        (waiver("RW102"), False),
        (waiver(project="acme/tools/widget"), True),
        (waiver(project="ACME/Tools/Widget"), True),
        (waiver(project="acme/*"), False),
        (waiver(project="**"), True),
        (waiver(project="acme"), False),
        (waiver(resource="project/12/variables/TWINE_PASSWORD"), True),
        (waiver(resource="project/*/variables/TWINE_*"), True),
        (waiver(resource="TWINE_PASSWORD"), False),
        (waiver(resource="project/13/*"), False),
    ],
)
def test_a_waiver_speaks_of_a_rule_a_project_and_perhaps_a_resource(held: Waiver, expected: bool) -> None:
    assert covers(held, finding()) is expected


def test_it_holds_on_its_last_day_and_the_finding_says_who_accepts_it() -> None:
    held = waiver(expires=TODAY)
    after = waive(report(finding(), finding("RW201")), [held], TODAY)
    assert [found.rule for found in after.findings] == ["RW201"]
    assert [(found.rule, found.verdict, found.waiver) for found in after.waived] == [("RW101", Verdict.WAIVED, held)]


def test_after_its_last_day_the_finding_fails_again_and_says_whose_waiver_ended() -> None:
    after = waive(report(finding()), [waiver(expires=TODAY - timedelta(days=1))], TODAY)
    (failing,) = after.findings
    assert after.waived == ()
    assert failing.verdict is Verdict.FAIL
    assert failing.reason.endswith("The waiver by Ann ended on 2026-11-27.")
    assert failing.identity == finding().identity


def test_of_several_the_one_that_holds_longest_counts() -> None:
    longest = waiver("RW101", expires=TODAY + timedelta(days=9))
    held = [waiver(expires=TODAY - timedelta(days=9)), longest, waiver(expires=TODAY)]
    (waived,) = waive(report(finding()), held, TODAY).waived
    assert waived.waiver == longest


def test_what_could_not_be_judged_cannot_be_accepted() -> None:
    unknown = finding(verdict=Verdict.UNKNOWN)
    after = waive(report(unknown=(unknown,)), [waiver("RW", "**")], TODAY)
    assert (after.unknown, after.waived) == ((unknown,), ())


@pytest.mark.parametrize(
    ("resource", "expires", "accepted"),
    [
        ("instance/variables", TODAY, True),
        ("instance/variables", TODAY - timedelta(days=1), False),
        ("instance/*", TODAY, False),
        ("*", TODAY, False),
    ],
)
def test_that_nobody_looks_is_accepted_only_by_name(resource: str, expires: date, accepted: bool) -> None:
    unknown = finding(verdict=Verdict.UNKNOWN, project="", resource="instance/variables")
    after = waive(report(unknown=(unknown,)), [waiver("RW1", "**", resource, expires=expires)], TODAY)
    assert (len(after.unknown), len(after.waived)) == ((0, 1) if accepted else (1, 0))
    assert all(one.verdict is Verdict.WAIVED for one in after.waived)


@pytest.mark.parametrize(
    ("resource", "accepted"),
    [
        ("group/acme/access_tokens", True),
        ("group/acme/tools/access_tokens", True),
        ("group/acme/tools/deep/access_tokens", False),
        ("group/acm/access_tokens", False),
        ("group/acme/deploy_tokens", False),
        ("group/*/access_tokens", False),
    ],
)
def test_who_accepts_that_a_groups_tokens_are_not_seen_accepts_it_below(resource: str, accepted: bool) -> None:
    """The report tells them as one, and the waiver that it asks for is one."""
    unknown = finding(verdict=Verdict.UNKNOWN, project="acme/tools", resource="group/acme/tools/access_tokens")
    held = waiver("RW", project="**", resource=resource)
    after = waive(report(unknown=(unknown,)), [held], TODAY)
    assert (len(after.waived), len(after.unknown)) == ((1, 0) if accepted else (0, 1))


def test_a_waiver_for_a_rule_that_does_not_exist_is_a_mistake_at_its_line() -> None:
    held = Waiver(rule="RW9", project="a", owner="o", reason="r", expires=TODAY, where="waivers.yaml:7")
    (error,) = check_waivers([waiver(), held], CATALOGUE)
    assert error.where == "waivers.yaml:7"
    assert "`RW9`" in str(error)


@pytest.mark.slow
@given(reports, st.dates())
def test_no_finding_is_lost_or_made(given: AuditReport, today: date) -> None:
    held = [waiver("RW1", "**"), waiver("", "*", expires=date(2020, 1, 1))]
    after = waive(given, held, today)
    assert len(after.findings) + len(after.waived) == len(given.findings) + len(given.waived)
    before = sorted(found.identity for found in (*given.findings, *given.waived))
    assert sorted(found.identity for found in (*after.findings, *after.waived)) == before
    assert {found.verdict for found in after.findings} <= {Verdict.FAIL}
