"""Baselines: the findings of one day, kept in a file, so that from then on only new ones are shown.

The file is JSON Lines, a header and then one finding a line in a fixed order: it merges, its changes can be reviewed,
and an error in it has a line. A baseline is not a waiver: it has no owner and no end, and never turns a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Verdict
from bot.hygiene.select import keep
from bot.hygiene.spelling import json_text

SCHEMA = "ropewalk.baseline/1"
_REMEDY = "Write it anew with `ropewalk audit baseline`"
_KEPT = (Verdict.FAIL, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was known: verdict and identity. That something could not be judged does not excuse it once it fails."""

    known: frozenset[tuple[Verdict, str]] = frozenset()

    def holds(self, finding: Finding) -> bool:
        """Whether the finding was known, with the same verdict."""
        return (finding.verdict, finding.identity) in self.known


def new_only(report: AuditReport, baseline: Baseline) -> AuditReport:
    """The report without the failing and unknown findings that the baseline holds; `baselined` counts the former.

    Waived findings stay: they are told until their waiver ends.
    """
    kept = keep(report, lambda finding: not baseline.holds(finding))
    return replace(kept, baselined=report.baselined + len(report.findings) - len(kept.findings))


def write_baseline(report: AuditReport) -> str:
    """The file's text: what fails or is unknown in the report. Waived findings stay out: they fail again one day."""
    lines = {_line(finding) for finding in (*report.findings, *report.unknown)}
    return "".join(line + "\n" for line in (json_text({"schema": SCHEMA}), *sorted(lines)))


def read_baseline(text: str, label: str) -> Baseline:
    """The baseline that `text` holds; `label` is the file's name in messages.

    Raises: ConfigError for anything that `write_baseline` did not write, with the line.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise ConfigError("the file is empty, not a baseline", f"{label}:1", _REMEDY)
    header = _object(lines[0], f"{label}:1")
    if header != {"schema": SCHEMA}:
        raise ConfigError(f'the first line is not `{{"schema": "{SCHEMA}"}}`', f"{label}:1", _REMEDY)
    return Baseline(known=frozenset(_entries(lines[1:], label)))


def _line(finding: Finding) -> str:
    return json_text({"identity": finding.identity, "verdict": finding.verdict.value, "project": finding.project})


def _entries(lines: Iterable[str], label: str) -> Iterable[tuple[Verdict, str]]:
    for number, line in enumerate(lines, start=2):
        where = f"{label}:{number}"
        entry = _object(line, where)
        if set(entry) != {"identity", "verdict", "project"} or not all(isinstance(v, str) for v in entry.values()):
            raise ConfigError("the line is not `identity`, `verdict` and `project`, each a text", where, _REMEDY)
        verdict = next((kept for kept in _KEPT if kept == entry["verdict"]), None)
        if verdict is None:
            raise ConfigError("`verdict` is neither `fail` nor `unknown`", where, _REMEDY)
        yield verdict, str(entry["identity"])


def _object(line: str, where: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigError("the line is not JSON", where, _REMEDY) from None
    if not isinstance(value, dict):
        raise ConfigError("the line is not a JSON object", where, _REMEDY)
    return value
