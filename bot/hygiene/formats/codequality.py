"""GitLab Code Quality: the report that GitLab shows in the merge request and the pipeline.

GitLab needs a path and a line. A finding about a setting has neither, so it stands on the first line of the CI file,
which is what the setting serves. What could not be judged is `info`; what is waived is left out.

Source: GitLab, doc/ci/testing/code_quality.md, app/validators/json_schemas/codeclimate.json (it stops reading at the
first entry that is not valid), lib/gitlab/ci/reports/codequality_reports.rb (one entry for each fingerprint).
"""

from __future__ import annotations

from hashlib import sha256

from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.places import CI_FILE, CiPlace, ci_place
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.spelling import json_text, sentences, visible

_SEVERITIES = {
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """A JSON array, empty when nothing was found."""
    entries: dict[str, dict[str, object]] = {}
    for finding in (*report.findings, *report.unknown):
        fingerprint = sha256(finding.identity.encode("utf-8", "backslashreplace")).hexdigest()
        entries.setdefault(fingerprint, _entry(finding, fingerprint, catalogue, options))
    return json_text(list(entries.values())) + "\n"


def _entry(finding: Finding, fingerprint: str, catalogue: Catalogue, options: Options) -> dict[str, object]:
    rule = rule_of(finding, catalogue)
    unknown = finding.verdict is Verdict.UNKNOWN
    place = ci_place(finding) or CiPlace(path=CI_FILE, line=None)
    title = f"{rule.id} {'could not be judged' if unknown else rule.title}: "
    return {
        "type": "issue",
        "check_name": visible(rule.id),
        "description": visible((title + sentences(finding.reason, finding.remedy)).strip()),
        "content": {"body": visible(sentences(rule.threat, rule.remedy, page_of(rule, options)))},
        "categories": ["Security"],
        "severity": "info" if unknown else _SEVERITIES[finding.severity],
        "fingerprint": fingerprint,
        "location": {"path": visible(place.path), "lines": {"begin": place.line or 1}},
    }
