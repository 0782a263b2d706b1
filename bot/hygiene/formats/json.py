"""JSON, version `ropewalk.audit/1`: one object on one line, which later versions only add keys to."""

from __future__ import annotations

from bot.domain.findings import AuditReport, Finding
from bot.domain.rolling import IssueNews
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.spelling import json_text, rfc3339

SCHEMA = "ropewalk.audit/1"


def render(report: AuditReport, _catalogue: Catalogue, _options: Options = PLAIN) -> str:
    """The report as JSON. `first_seen` is null where no history is kept; `line` and `waiver` stand where they apply."""
    document: dict[str, object] = {
        "schema": SCHEMA,
        "complete": report.complete,
        "projects": report.projects,
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
        "findings": [finding_json(finding) for finding in report.findings],
        "unknown": [finding_json(finding) for finding in report.unknown],
        "waived": [finding_json(finding) for finding in report.waived],
        "at": rfc3339(report.at),
        "baselined": report.baselined,
        "filtered": report.filtered,
    }
    if report.issues is not None:
        document["issues"] = [issue_json(one) for one in report.issues]
    return json_text(document) + "\n"


def issue_json(one: IssueNews) -> dict[str, object]:
    """What was done about one rolling issue, as plain data."""
    return {
        "deed": one.deed,
        "place": one.place.key,
        "project": one.place.project,
        "findings": one.findings,
        "state": one.state.value,
        "where": one.web_url,
        "reason": one.reason,
    }


def finding_json(finding: Finding) -> dict[str, object]:
    """One finding as plain data."""
    entry: dict[str, object] = {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "verdict": finding.verdict.value,
        "project": finding.project,
        "resource": finding.resource,
        "scope": finding.scope,
        "reason": finding.reason,
        "remedy": finding.remedy,
        "identity": finding.identity,
        "first_seen": None if finding.first_seen is None else rfc3339(finding.first_seen),
    }
    if finding.line is not None:
        entry["line"] = finding.line
    if finding.waiver is not None:
        waiver = finding.waiver
        entry["waiver"] = {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires.isoformat()}
    return entry
