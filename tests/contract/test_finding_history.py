"""The history of findings: since when each stands, and when it was gone. Over the real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bot.adapters.store import schema
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.audit import Audited
from bot.hygiene.history import Noted, note

DAY = timedelta(days=1)
START = datetime(2027, 1, 1, 6, tzinfo=UTC)
RULES = {"RW101", "RW102"}


def finding(number: int, rule: str = "RW101", verdict: Verdict = Verdict.FAIL) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.HIGH,
        verdict=verdict,
        project=f"acme/p{number}",
        resource=f"project/{number}/variables/TWINE_PASSWORD",
        reason="it is not masked",
        remedy="mask it",
    )


def audited(
    day: int,
    *failing: Finding,
    unknown: tuple[Finding, ...] = (),
    places: tuple[int, ...] = (1, 2),
    complete: bool = True,
) -> Audited:
    report = AuditReport(
        at=START + day * DAY,
        complete=complete,
        projects=len(places),
        requests=1,
        seconds=1.0,
        findings=failing,
        unknown=unknown,
    )
    return Audited(report=report, places=frozenset(f"project/{number}" for number in places))


def dates(noted: Noted) -> list[int]:
    return [(one.first_seen - START).days for one in noted.report.findings if one.first_seen is not None]


def test_a_finding_keeps_the_day_it_was_first_seen(store: Store) -> None:
    """However often it is found again; a new one beside it has its own day."""
    assert note(store.findings, audited(0, finding(1)), RULES, whole=True).new == 1
    noted = note(store.findings, audited(3, finding(1), finding(2)), RULES, whole=True)
    assert (dates(noted), noted.new, noted.fixed) == ([0, 3], 1, 0)


def test_what_is_gone_is_fixed_and_comes_back_as_new(store: Store) -> None:
    """With the moment it was found gone; a second coming begins anew."""
    note(store.findings, audited(0, finding(1)), RULES, whole=False)
    assert note(store.findings, audited(1), RULES, whole=False).fixed == 1
    with store.engine.begin() as connection:
        (row,) = connection.execute(select(schema.findings)).all()
    assert (row.first_seen, row.fixed_at) == (START, START + DAY)
    noted = note(store.findings, audited(5, finding(1)), RULES, whole=False)
    assert (dates(noted), noted.new) == ([5], 1)


def test_what_is_not_fixed_is_counted_by_severity(store: Store) -> None:
    readings = SqliteReadings(store.database)
    assert readings.findings() == {}
    low = replace(finding(3), severity=Severity.LOW)
    note(store.findings, audited(0, finding(1), finding(2), low), RULES, whole=False)
    assert readings.findings() == {finding(1).severity: 2, Severity.LOW: 1}
    note(store.findings, audited(1, finding(2), places=(1, 2, 3)), RULES, whole=False)
    assert readings.findings() == {finding(1).severity: 1}


def test_only_what_was_judged_can_be_fixed(store: Store) -> None:
    """Another rule, another project, and what could not be seen this time stay open."""
    note(store.findings, audited(0, finding(1), finding(2), finding(1, "RW102")), RULES, whole=False)
    assert note(store.findings, audited(1, finding(1, "RW102"), places=(1,)), {"RW102"}, whole=False).fixed == 0
    unsure = finding(1, verdict=Verdict.UNKNOWN)
    assert (
        note(store.findings, audited(2, finding(1, "RW102"), unknown=(unsure,), places=(1,)), RULES, whole=False).fixed
        == 0
    )
    hidden = replace(unsure, resource="project/1/variables")
    assert (
        note(store.findings, audited(3, finding(1, "RW102"), unknown=(hidden,), places=(1,)), RULES, whole=False).fixed
        == 0
    )
    assert set(store.findings.open_findings()) == {
        finding(1).identity,
        finding(2).identity,
        finding(1, "RW102").identity,
    }


def test_what_went_away_with_its_project_is_fixed_by_an_audit_of_everything(store: Store) -> None:
    """Only by one that was complete."""
    note(store.findings, audited(0, finding(1)), RULES, whole=True)
    assert note(store.findings, audited(1, places=(), complete=False), RULES, whole=True).fixed == 0
    assert note(store.findings, audited(2, places=()), RULES, whole=True).fixed == 1


def test_thousands_are_kept_in_one_go(store: Store) -> None:
    """More than fit one statement."""
    many = [finding(number) for number in range(3_000)]
    note(store.findings, audited(0, *many, places=tuple(range(3_000))), RULES, whole=True)
    assert len(store.findings.open_findings()) == 3_000
    assert note(store.findings, audited(1, places=tuple(range(3_000))), RULES, whole=True).fixed == 3_000
