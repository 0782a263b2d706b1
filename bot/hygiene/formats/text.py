"""Text for people: grouped by project, the gravest first, what to do about each finding, and what is not shown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.places import owner_of
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.formats.summary import by_severity, caveats, counted, headline
from bot.hygiene.spelling import visible

# SGR parameters of ECMA-48; all of the first sixteen colours, so that a terminal's own theme decides.
_BOLD, _DIM, _GREEN, _UNKNOWN, _CAVEAT = "1", "2", "1;32", "1;35", "33"
_COLORS = {Severity.HIGH: "1;31", Severity.MEDIUM: "1;33", Severity.LOW: "1;36", Severity.INFO: "1;34"}
_NARROWEST = 40  # columns; below that, wrapping makes a text harder to read
_PROJECTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Pen:
    """Colours and wraps, or neither."""

    options: Options

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.options.color and text else text

    def lines(self, mark: str, text: str) -> Iterator[str]:
        """`text` beside `mark`, a word such as `fix` or a bar, and wrapped beneath itself."""
        lead = f"    {mark} "
        room = max(self.options.width, _NARROWEST) - len(lead)
        wrapped = [text]
        if self.options.width and len(text) > room:
            wrapped = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]
        for place, part in enumerate(wrapped):
            yield f"{self.paint(lead if place == 0 else self._beneath(mark), _DIM)}{part}"

    def _beneath(self, mark: str) -> str:
        return "    | " if mark == "|" else " " * (len(mark) + 5)


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """The report as text; ends with the counts and with what was waived, hidden or not looked at."""
    pen = _Pen(options)
    lines: list[str] = []
    for findings in _by_project(report.findings):
        lines += [*_project(findings, catalogue, pen), ""]
    if report.unknown:
        lines += [pen.paint("Could not be judged", _BOLD), ""]
        for alike in _alike(report.unknown):
            lines += [*_unknown(alike, catalogue, pen), ""]
    clean = report.complete and not report.findings and not report.unknown
    lines.append(pen.paint(headline(report), _GREEN if clean else _BOLD))
    lines += [pen.paint(visible(sentence), _CAVEAT) for sentence in caveats(report)]
    lines.append(pen.paint(f"{counted(report.requests, 'request')} to GitLab in {report.seconds:.1f} s.", _DIM))
    return "\n".join(lines) + "\n"


def _project(findings: list[Finding], catalogue: Catalogue, pen: _Pen) -> Iterator[str]:
    name = pen.paint(visible(owner_of(findings[0])), _BOLD)
    yield f"{name} {pen.paint(f'({by_severity(findings)})', _DIM)}"
    for finding in findings:
        yield ""
        yield from _finding(finding, catalogue, pen)


def _finding(finding: Finding, catalogue: Catalogue, pen: _Pen) -> Iterator[str]:
    yield _title(finding, finding.severity.word, _COLORS[finding.severity], catalogue, pen)
    yield f"   {pen.paint('-->', _DIM)} {_resource(finding)}"
    yield from pen.lines("|", visible(finding.reason))
    yield from _advice(finding, catalogue, pen)


def _unknown(alike: list[Finding], catalogue: Catalogue, pen: _Pen) -> Iterator[str]:
    """Findings that differ in nothing but where: one entry, for a missing right is often missing everywhere."""
    first = alike[0]
    yield _title(first, "unknown", _UNKNOWN, catalogue, pen)
    if len(alike) == 1:
        yield f"   {pen.paint('-->', _DIM)} {visible(owner_of(first))}: {_resource(first)}"
    else:
        projects = list(dict.fromkeys(visible(owner_of(finding)) for finding in alike))
        more = f" and {len(projects) - _PROJECTS_SHOWN:,} more" if len(projects) > _PROJECTS_SHOWN else ""
        shown = ", ".join(projects[:_PROJECTS_SHOWN])
        yield f"   {pen.paint('-->', _DIM)} {len(alike):,} times, in {shown}{more}"
    yield from pen.lines("|", visible(first.reason))
    yield from _advice(first, catalogue, pen)


def _title(finding: Finding, word: str, code: str, catalogue: Catalogue, pen: _Pen) -> str:
    rule = rule_of(finding, catalogue)
    return f"  {pen.paint(f'{word}[{visible(rule.id)}]', code)} {pen.paint(visible(rule.title), _BOLD)}"


def _resource(finding: Finding) -> str:
    line = f":{finding.line}" if finding.line is not None else ""
    scope = f" (scope {visible(finding.scope)})" if finding.scope != "*" else ""
    return f"{visible(finding.resource)}{line}{scope}"


def _advice(finding: Finding, catalogue: Catalogue, pen: _Pen) -> Iterator[str]:
    if finding.remedy:
        yield from pen.lines("= fix:", visible(finding.remedy))
    rule = rule_of(finding, catalogue)
    explain = f"ropewalk audit explain {visible(rule.id)}"
    page = page_of(rule, pen.options) if pen.options.docs else ""
    yield f"{pen.paint('    = see: ', _DIM)}{visible(page) or explain}"


def _by_project(findings: tuple[Finding, ...]) -> list[list[Finding]]:
    """The findings of each project in one list, in the order in which the projects first appear."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.project, []).append(finding)
    return list(groups.values())


def _alike(findings: tuple[Finding, ...]) -> list[list[Finding]]:
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.reason, finding.remedy), []).append(finding)
    return list(groups.values())
