"""The page of findings: what stands, what was fixed, and how that developed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from bot.domain.verdicts import Severity
from bot.domain.views import Counts, FindingFilter, FindingPlace, FindingRow, FindingState
from bot.hygiene.catalogue import RULES
from bot.hygiene.formats.options import PLAIN
from bot.hygiene.formats.rules import page_of
from bot.web.dashboard.charts import TrendDay
from bot.web.dashboard.places import read_finding, spell_finding
from bot.web.dashboard.sight import Of, Sheet
from bot.web.dashboard.site import Context, Visit

PAGE = 50  # rows
DAYS = 42  # of the trend
CATALOGUE = {rule.info.id: rule.info for rule in RULES}
PAGES = {info.id: page_of(info, PLAIN) for info in CATALOGUE.values()}
OF_FINDING: Of[FindingRow, FindingPlace] = Of(
    place=lambda row: FindingPlace(severity=row.severity, first_seen=row.first_seen, identity=row.identity),
    about=lambda row: (row.project_id, row.project),
)
SEVERITIES = tuple(sorted(Severity, reverse=True))


def findings(visit: Visit) -> Context:
    """The findings that fit the filters, under what stands of each severity and the trend of all."""
    wanted, words = _wanted(visit)
    sheet = found(visit, wanted, read_finding(visit.asked("after", 1_000)), PAGE)
    counts = visit.site.findings.counts(visit.inside.all(), lambda group: visit.inside.place(None, group))
    return {
        "rows": sheet.rows,
        "next": spell_finding(sheet.next),
        "first": not visit.asked("after"),
        "words": words,
        "standing": Counter(counts.standing),
        "ever": bool(counts.seen),
        "severities": SEVERITIES,
        "rules": CATALOGUE,
        "pages": PAGES,
        "days": trend(counts, visit.now.date()),
    }


def found(
    visit: Visit, wanted: FindingFilter, after: FindingPlace | None, size: int
) -> Sheet[FindingRow, FindingPlace]:
    """One page of findings that the viewer may see: they tell how a project's credentials can be had."""
    return visit.inside.sheet(
        lambda place, limit, among: visit.site.findings.findings(replace(wanted, among=among), place, limit),
        OF_FINDING,
        after,
        size,
    )


def _wanted(visit: Visit) -> tuple[FindingFilter, dict[str, str]]:
    """The filter that an address asks for, and its words as the form shows them. A word that means nothing is none."""
    severity, rule = visit.asked("severity"), visit.asked("rule").upper()
    state = visit.asked("state")
    known = {one.word: one for one in Severity}
    chosen = (known[severity],) if severity in known else ()
    states = {"open": FindingState.OPEN, "fixed": FindingState.FIXED, "all": None}
    words = {
        "severity": severity if chosen else "",
        "rule": rule if rule in CATALOGUE else "",
        "state": state if state in states else "open",
        "project": visit.asked("project", 500),
        "q": visit.asked("q"),
    }
    wanted = FindingFilter(
        severities=chosen,
        rule=words["rule"],
        project=words["project"],
        text=words["q"],
        state=states[words["state"]],
    )
    return wanted, words


def trend(counts: Counts, today: date) -> tuple[TrendDay, ...]:
    """The last six weeks, day by day: from when findings were first seen and when they were fixed.

    What was fixed and came back counts from its return: the history keeps one life of a finding.
    """
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    seen, fixed = Counter(counts.seen), Counter(counts.fixed)
    before = sum(n for day, n in seen.items() if day < days[0]) - sum(n for day, n in fixed.items() if day < days[0])
    rows = []
    for day in days:
        before += seen[day] - fixed[day]
        rows.append(TrendDay(day=day, seen=seen[day], fixed=fixed[day], standing=before))
    return tuple(rows)
