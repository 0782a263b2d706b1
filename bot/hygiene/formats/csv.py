"""CSV (RFC 4180), a finding a line, for spreadsheets, which must not take a variable's name for a formula."""

from __future__ import annotations

import io

from defusedcsv import csv as safe_csv

from bot.domain.findings import AuditReport, Finding
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.spelling import rfc3339, visible

COLUMNS = (
    "verdict", "severity", "rule", "title", "project", "resource", "scope", "line", "reason", "remedy",
    "first_seen", "waived_by", "waived_until", "waiver_reason", "identity", "page",
)  # fmt: skip


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """A header and all findings: failing, unknown, waived. A cell that begins like a formula gets a `'` before it."""
    stream = io.StringIO(newline="")
    writer = safe_csv.writer(stream, dialect="excel", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in (*report.findings, *report.unknown, *report.waived):
        writer.writerow([visible(cell) for cell in _cells(finding, catalogue, options)])
    return stream.getvalue()


def _cells(finding: Finding, catalogue: Catalogue, options: Options) -> tuple[str, ...]:
    rule = rule_of(finding, catalogue)
    waiver = finding.waiver
    return (
        finding.verdict.value,
        finding.severity.word,
        finding.rule,
        rule.title,
        finding.project,
        finding.resource,
        finding.scope,
        "" if finding.line is None else str(finding.line),
        finding.reason,
        finding.remedy,
        "" if finding.first_seen is None else rfc3339(finding.first_seen),
        "" if waiver is None else waiver.owner,
        "" if waiver is None else waiver.expires.isoformat(),
        "" if waiver is None else waiver.reason,
        finding.identity,
        page_of(rule, options),
    )
