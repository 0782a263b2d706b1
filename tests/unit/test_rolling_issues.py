"""Rolling issues: what they say is harmless, bounded and always the same; what is done follows from what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.findings import AuditReport, Finding, PlaceReport
from bot.domain.rolling import IssueMode, IssuePlace, IssuePolicy, RollingIssue
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.issues import kept_places, place_reports, plan_issues
from bot.notes.rolling import RollingTexts
from tests.unit.audit_reports import finding, report
from tests.unit.notes_reader import read

TEXTS = RollingTexts(marker_key=b"0123456789abcdef")
OTHERS = RollingTexts(marker_key=b"fedcba9876543210")
WIDGET = IssuePlace(key="project/12", path="acme/tools/widget", project=12)
PLACES = frozenset({"project/12", "project/13", "group/acme/tools", "instance"})
PROJECTS = IssuePolicy(mode=IssueMode.PROJECT)
GROUPS = IssuePolicy(mode=IssueMode.GROUP, project="acme/security")


def top(path: str) -> str:
    return path.partition("/")[0]


def about(*findings: Finding, unknown: tuple[Finding, ...] = (), waived: int = 0) -> PlaceReport:
    return PlaceReport(place=WIDGET, findings=findings, unknown=unknown, waived=waived)


def issue(body: str, *, number: int = 1, is_open: bool = True) -> RollingIssue:
    return RollingIssue(project_id=12, iid=number, id=100 + number, description=body, open=is_open)


def unsure(rule: str = "RW301") -> Finding:
    return finding(rule, verdict=Verdict.UNKNOWN, resource="project/12/protected_tags")


STANDING = TEXTS.body(about(finding()))
CLEAN = TEXTS.body(about())


@pytest.mark.parametrize(
    ("found", "issues", "expected"),
    [
        (report(finding()), [], ["open"]),
        (report(), [], []),
        (report(unknown=(unsure(),)), [], []),
        (report(finding()), [issue(STANDING)], []),
        (report(finding()), [issue(STANDING.replace("\n", "\r\n") + "\n")], []),
        (report(finding(), finding("RW102")), [issue(STANDING)], ["edit"]),
        (report(finding()), [issue(CLEAN, is_open=False)], ["reopen"]),
        (report(), [issue(STANDING)], ["close"]),
        (report(), [issue(CLEAN, is_open=False)], []),
        (report(unknown=(unsure(),)), [issue(STANDING)], ["edit"]),
        (report(finding()), [issue(STANDING), issue(STANDING, number=2)], ["fold"]),
        (report(), [issue(STANDING, number=2), issue(STANDING)], ["fold", "close"]),
        (report(finding()), [issue(STANDING), issue(STANDING, number=2, is_open=False)], []),
        (report(finding()), [issue("something else"), issue(OTHERS.body(about(finding())), number=2)], ["open"]),
    ],
)
def test_what_is_done_follows_from_what_was_found_and_what_is_there(
    found: AuditReport, issues: list[RollingIssue], expected: list[str]
) -> None:
    reports = place_reports(found, PLACES, PROJECTS, top)
    steps = plan_issues(reports, kept_places(PLACES, top), issues, TEXTS)
    assert [step.deed.value for step in steps] == expected


def test_an_issue_that_is_folded_is_the_younger_and_points_to_the_older() -> None:
    steps = plan_issues([about(finding())], PLACES, [issue(STANDING, number=2), issue(STANDING)], TEXTS)
    (step,) = steps
    assert step.issue is not None
    assert step.issue.iid == 2
    assert "issue 1" in step.body


@pytest.mark.parametrize(
    ("policy", "resource", "project", "expected"),
    [
        (PROJECTS, "project/12/variables/A", "acme/tools/widget", [("project/12", 12)]),
        (PROJECTS, "group/acme/tools/variables/A", "acme/tools", []),
        (replace(PROJECTS, project="sec"), "group/acme/tools/variables/A", "acme/tools", [("group/acme", "acme/sec")]),
        (GROUPS, "project/12/variables/A", "acme/tools/widget", [("group/acme", "acme/security")]),
        (GROUPS, "group/acme/tools/variables/A", "acme/tools", [("group/acme", "acme/security")]),
        (GROUPS, "instance/variables/A", "", [("instance", "acme/security")]),
        (replace(GROUPS, project="sec"), "instance/variables/A", "", []),
        (replace(GROUPS, least=Severity.HIGH), "project/12/variables/A", "acme/tools/widget", []),
        (IssuePolicy(), "project/12/variables/A", "acme/tools/widget", []),
    ],
)
def test_policy_says_which_issue_speaks_of_a_finding(
    policy: IssuePolicy, resource: str, project: str, expected: list[tuple[str, object]]
) -> None:
    found = report(finding(severity=Severity.MEDIUM, resource=resource, project=project))
    kept = [(one.place.key, one.place.project) for one in place_reports(found, PLACES, policy, top)]
    assert kept == expected


def test_the_groups_of_audited_projects_are_clean_when_nothing_speaks_of_them() -> None:
    body = TEXTS.body(PlaceReport(place=IssuePlace(key="group/acme", path="acme", project="acme/sec"), findings=()))
    steps = plan_issues([], kept_places(PLACES, top), [issue(body)], TEXTS)
    assert [(step.deed.value, step.place.key) for step in steps] == [("close", "group/acme")]


@pytest.mark.slow
def test_a_long_list_is_cut_and_says_so() -> None:
    many = tuple(finding(resource=f"project/12/variables/{'X' * 255}{number}") for number in range(30_000))
    body = TEXTS.body(about(*many))
    assert len(body.encode()) < 200_000
    assert "29,900 more findings" in body
    assert "30,000 high" in body


TEXT = st.text(max_size=60) | st.sampled_from(
    [
        "\r/close",
        "@all",
        "`@root`",
        "<img src=x onerror=alert(1)>",
        "|x|",
        "``\n/merge",
        "&commat;x",
        "![a](b)",
        "\x1b[31m",
    ]
)


@pytest.mark.slow
@given(TEXT, TEXT, TEXT, TEXT)
def test_nothing_foreign_is_alive_in_it(resource: str, reason: str, remedy: str, path: str) -> None:
    """Neither a command nor a mention, whatever names, reasons and paths are like; and our marker is found again."""
    one = replace(finding(resource=f"project/12/{resource}", project=path), reason=reason, remedy=remedy)
    place = replace(WIDGET, path=path)
    told = PlaceReport(place=place, findings=(one, replace(one, project="other")), unknown=(one,), waived=2)
    for body in (TEXTS.body(told), TEXTS.body(replace(told, findings=())), TEXTS.title(told)):
        alive = read(body)
        assert (alive.commands, alive.mentions, alive.images) == ((), (), 0)
        assert all(html.startswith("<!-- ropewalk:") for html in alive.html)
    assert TEXTS.of_places([place.key], [issue(TEXTS.body(told))]) == {place.key: (issue(TEXTS.body(told)),)}
