"""The sentences that sum up a report: how much was found, and what the list does not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.domain.findings import AuditReport, Finding
from bot.hygiene.select import tally

INCOMPLETE = "The audit is incomplete: it was interrupted, or a project could not be asked."
_OWNERS_SHOWN = 5


def counted(number: int, thing: str) -> str:
    """`1 finding`, `2,000 findings`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def by_severity(findings: Iterable[Finding]) -> str:
    """`2 high, 1 low`; empty when there are none."""
    return ", ".join(f"{count:,} {severity.word}" for severity, count in tally(findings).items())


def headline(report: AuditReport) -> str:
    """What was found, in one sentence. Where something could not be judged, nothing is called clean."""
    where = f"in {counted(report.projects, 'project')}"
    if report.findings:
        found = f"{counted(len(report.findings), 'finding')} {where}: {by_severity(report.findings)}"
    else:
        found = f"no findings {where}"
    unknown = f"; {counted(len(report.unknown), 'check')} could not be made" if report.unknown else ""
    return f"{found[0].upper()}{found[1:]}{unknown}."


def caveats(report: AuditReport) -> list[str]:
    """What keeps the list from being all there is, a sentence each: incomplete, waived, in the baseline, left out."""
    sentences = [] if report.complete else [INCOMPLETE]
    if report.waived:
        sentences.append(_waived(report.waived))
    if report.baselined:
        sentences.append(f"{counted(report.baselined, 'finding')} of the baseline not shown.")
    if report.filtered:
        sentences.append(f"{counted(report.filtered, 'finding')} left out by rule or severity.")
    return sentences


def accepted_by(finding: Finding) -> str:
    """`waived by Ann until 2027-01-31`."""
    waiver = finding.waiver
    return "waived" if waiver is None else f"waived by {waiver.owner} until {waiver.expires.isoformat()}"


def _waived(waived: tuple[Finding, ...]) -> str:
    """`3 waived by Ann, until 2027-01-31.`; with several owners or dates how many by whom, the most first."""
    pairs = Counter((f.waiver.owner, f.waiver.expires.isoformat()) for f in waived if f.waiver is not None)
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) == 1 and ranked[0][1] == len(waived):
        owner, until = ranked[0][0]
        return f"{len(waived):,} waived by {owner}, until {until}."
    parts = [f"{count:,} by {owner}, until {until}" for (owner, until), count in ranked[:_OWNERS_SHOWN]]
    if len(ranked) > _OWNERS_SHOWN:
        parts.append(f"{sum(count for _, count in ranked[_OWNERS_SHOWN:]):,} by others")
    return f"{len(waived):,} waived" + (f": {'; '.join(parts)}." if parts else ".")
