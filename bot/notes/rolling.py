"""The rolling issue about a place's hygiene: what stands there, what to do about it, and how it goes away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from bot.domain.findings import Finding, PlaceReport
from bot.domain.rolling import RollingIssue
from bot.domain.verdicts import Severity
from bot.notes.foreign import cell, check_finished, inline, link
from bot.notes.hygiene_markers import HygieneMarkers, issue_macs
from bot.notes.tables import count_words, table

# An issue is for reading: what is more is one command away. Its length stays far below GitLab's megabyte.
FINDINGS_SHOWN = 100
REMEDIES_SHOWN = 30
UNKNOWN_SHOWN = 10
PLACE_LIMIT = 120  # characters
REASON_LIMIT = 400
_PLAIN_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,200}")
_BADGES = {Severity.HIGH: "🔴", Severity.MEDIUM: "🟠", Severity.LOW: "🟡", Severity.INFO: "🔵"}
_ABOUT = (
    "Ropewalk audits variables, CI files and protected refs. It keeps this issue up to date and closes it when nothing "
    "is left."
)


class RollingTexts:
    """Implements `bot.ports.rolling.IssueTexts`; no clock is read."""

    def __init__(self, *, marker_key: bytes) -> None:
        """Raises: ConfigError if the key is shorter than 16 bytes."""
        self._markers = HygieneMarkers(marker_key)

    def title(self, report: PlaceReport) -> str:
        """Without numbers, which change, and without anything foreign but a path that is plain."""
        path = report.place.path
        return f"Variable hygiene of {path}" if _PLAIN_PATH.fullmatch(path) else "Variable hygiene"

    def body(self, report: PlaceReport) -> str:
        """What stands, or that nothing is left."""
        parts = _standing(report) if report.findings else _clean(report)
        return self._finished(report, [*parts, *_not_judged(report), *_waived(report)])

    def folded(self, report: PlaceReport, oldest: RollingIssue) -> str:
        """A second issue is closed in favour of the oldest."""
        where = link(f"issue {oldest.iid}", oldest.web_url or None)
        return self._finished(report, [[f"This was opened twice. See {where}."]])

    def of_places(self, keys: Collection[str], issues: Iterable[RollingIssue]) -> dict[str, tuple[RollingIssue, ...]]:
        """Which of our issues are about which place."""
        by_mac = {self._markers.issue_mac(key): key for key in keys}
        found: dict[str, list[RollingIssue]] = {}
        for issue in issues:
            for mac in issue_macs(issue.description):
                if mac in by_mac:
                    found.setdefault(by_mac[mac], []).append(issue)
        return {key: tuple(sorted(several, key=lambda one: one.id)) for key, several in found.items()}

    def _finished(self, report: PlaceReport, parts: Sequence[Sequence[str]]) -> str:
        text = "\n\n".join("\n".join(lines) for lines in parts if lines)
        return check_finished(f"{text}\n\n{self._markers.issue(report.place.key)}", "the rolling issue")


def _standing(report: PlaceReport) -> list[list[str]]:
    counts = Counter(one.severity for one in report.findings)
    listed = ", ".join(f"{counts[severity]:,} {severity.word}" for severity in sorted(counts, reverse=True))
    more = len(report.findings) - FINDINGS_SHOWN
    several = len({one.project for one in report.findings}) > 1
    return [
        [f"{count_words(len(report.findings), 'finding')}: {listed}. {_ABOUT}"],
        findings_table(report.findings[:FINDINGS_SHOWN], projects=several),
        [f"… and {count_words(more, 'more finding')}."] if more > 0 else [],
        ["**What to do**"],
        remedies(report.findings),
        [f"All of it: {inline(f'ropewalk audit run {report.place.path}'.rstrip())}."],
    ]


def findings_table(findings: Sequence[Finding], *, projects: bool) -> list[str]:
    """Severity, rule, perhaps project, place, reason and, where a history knows of any, since when; a row each."""
    dated = any(one.first_seen is not None for one in findings)
    header = ("Severity", "Rule", *(("Project",) if projects else ()), "Where", "What", *(("Since",) if dated else ()))
    rows = []
    for one in findings:
        since = ("" if one.first_seen is None else f"{one.first_seen:%Y-%m-%d}",) if dated else ()
        whose = (cell(one.project or "the instance", PLACE_LIMIT),) if projects else ()
        rows.append((severity_words(one.severity), one.rule, *whose, place_words(one), what_words(one), *since))
    return table(header, rows)


def severity_words(severity: Severity) -> str:
    """`🔴 high`."""
    return f"{_BADGES[severity]} {severity.word}"


def place_words(one: Finding) -> str:
    """A finding's resource without the number of its project, which tells people nothing."""
    parts = one.resource.split("/", 2)
    short = parts[2] if parts[0] == "project" and len(parts) == 3 else one.resource
    line = "" if one.line is None else f":{one.line}"
    return cell(f"{short}{line}", PLACE_LIMIT)


def what_words(one: Finding) -> str:
    """Why it was found."""
    return cell(one.reason, REASON_LIMIT)


def remedies(findings: Sequence[Finding]) -> list[str]:
    """What to do, each remedy once, in the order of the findings."""
    known = dict.fromkeys((one.rule, one.remedy) for one in findings)
    lines = [f"- {rule}: {inline(remedy, REASON_LIMIT)}" for rule, remedy in list(known)[:REMEDIES_SHOWN]]
    return [*lines, "- …"] if len(known) > REMEDIES_SHOWN else lines


def _clean(report: PlaceReport) -> list[list[str]]:
    if report.unknown:
        return [[f"Nothing was found, but not everything could be looked at. {_ABOUT}"]]
    return [["✅ Nothing is left to mend. Ropewalk opens this issue again should something come back."]]


def _not_judged(report: PlaceReport) -> list[list[str]]:
    if not report.unknown:
        return []
    rows = [f"- {one.rule}: {inline(one.reason, REASON_LIMIT)}" for one in report.unknown[:UNKNOWN_SHOWN]]
    more = ["- …"] if len(report.unknown) > UNKNOWN_SHOWN else []
    return [[f"{count_words(len(report.unknown), 'check')} could not be made:"], [*rows, *more]]


def _waived(report: PlaceReport) -> list[list[str]]:
    return [[f"{count_words(report.waived, 'finding')} waived."]] if report.waived else []
