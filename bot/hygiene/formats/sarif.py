"""SARIF 2.1.0, for code scanning and editors.

The object model is written out here: the libraries for it are unkept or differ from the standard (`suppression` for
`suppressions`). The tests hold the document against the standard's own schema.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, errata 01.
"""

from __future__ import annotations

from urllib.parse import quote

from bot.domain.findings import AuditReport, Finding, RuleInfo
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.places import ci_place, owner_of
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.formats.summary import INCOMPLETE
from bot.hygiene.spelling import json_text, rfc3339, sentences

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
# What code scanning sorts by: a score as of CVSS, from 0 to 10.
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "3.0", Severity.INFO: "1.0"}
Json = dict[str, object]


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """One run with every rule of the catalogue; unknown results are `open`, waived ones carry a suppression."""
    findings = (*report.findings, *report.unknown, *report.waived)
    rules = dict(sorted(catalogue.items())) | {
        finding.rule: rule_of(finding, catalogue) for finding in findings if finding.rule not in catalogue
    }
    places = {id_: place for place, id_ in enumerate(rules)}
    driver: Json = {"name": "ropewalk", "fullName": "Ropewalk, the release bot"}
    if options.version:
        driver["version"] = options.version
    driver["rules"] = [_rule(id_, rule, options) for id_, rule in rules.items()]
    run: Json = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "ropewalk/audit/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "originalUriBaseIds": _bases(findings),
        "results": [_result(finding, places[finding.rule]) for finding in findings],
        "properties": {
            "at": rfc3339(report.at),
            "projects": report.projects,
            "requests": report.requests,
            "seconds": round(report.seconds, 3),
        },
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(id_: str, rule: RuleInfo, options: Options) -> Json:
    told = "\n\n".join(text for text in (rule.title, rule.threat, rule.remedy) if text)
    return {
        "id": id_,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.threat or rule.title},
        "help": {"text": told},
        "helpUri": page_of(rule, options),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security"],
            "precision": "high",
            "security-severity": _SCORES[rule.severity],
            "severity": rule.severity.word,
        },
    }


def _invocation(report: AuditReport) -> Json:
    invocation: Json = {"executionSuccessful": report.complete}
    if not report.complete:
        notice: Json = {"level": "warning", "message": {"text": INCOMPLETE}}
        invocation["toolExecutionNotifications"] = [notice]
    return invocation


def _result(finding: Finding, rule_index: int) -> Json:
    unknown = finding.verdict is Verdict.UNKNOWN
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        # Open: "there was insufficient information to decide" (3.27.9); it has no level (3.27.10).
        "kind": "open" if unknown else "fail",
        "level": "none" if unknown else _LEVELS[finding.severity],
        "message": {"text": sentences(finding.reason, finding.remedy) or finding.rule},
        "locations": [_location(finding)],
        "partialFingerprints": {"ropewalkIdentity/v1": finding.identity},
        "properties": {
            "severity": finding.severity.word,
            "project": finding.project,
            "scope": finding.scope,
            "firstSeen": None if finding.first_seen is None else rfc3339(finding.first_seen),
        },
    }
    if finding.verdict is Verdict.WAIVED:
        result["suppressions"] = [_suppression(finding)]
    return result


def _suppression(finding: Finding) -> Json:
    suppression: Json = {"kind": "external", "status": "accepted"}
    if finding.waiver is not None:
        waiver = finding.waiver
        suppression["justification"] = f"{waiver.reason} ({waiver.owner}, until {waiver.expires.isoformat()})"
    return suppression


def _location(finding: Finding) -> Json:
    """The setting or job as a logical location, and the place in the CI file where there is one."""
    location: Json = {
        "logicalLocations": [
            {
                "name": finding.resource.rpartition("/")[2],
                "fullyQualifiedName": f"{owner_of(finding)}: {finding.resource}",
                "kind": "resource",
            }
        ]
    }
    place = ci_place(finding)
    if place is not None:
        artifact: Json = {"uri": quote(place.path, safe="/", errors="replace")}
        if finding.project:
            artifact["uriBaseId"] = finding.project
        location["physicalLocation"] = {"artifactLocation": artifact}
        if place.line is not None:
            location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": place.line}}
    return location


def _bases(findings: tuple[Finding, ...]) -> Json:
    """The repositories that paths are relative to; where a repository lies is for the reader to know."""
    projects = (finding.project for finding in findings if finding.project and ci_place(finding) is not None)
    return {project: {"description": {"text": f"The repository of {project}."}} for project in dict.fromkeys(projects)}
