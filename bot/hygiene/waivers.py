"""Waivers: findings that somebody accepts, with a reason and until a date, and that fail again after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date

from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport, Finding, Waiver
from bot.domain.refs import matches_path, matches_wildcard
from bot.domain.verdicts import Verdict
from bot.hygiene.select import check_rules, lists_above, ordered


def check_waivers(waivers: Iterable[Waiver], catalogue: Collection[str]) -> list[ConfigError]:
    """One error for every waiver that names no rule: it would waive nothing, and nobody would notice."""
    errors = []
    for waiver in waivers:
        try:
            check_rules((waiver.rule,), catalogue, waiver.where)
        except ConfigError as error:
            errors.append(error)
    return errors


def waive(report: AuditReport, waivers: Iterable[Waiver], today: date) -> AuditReport:
    """The report with accepted failures among `waived`; `today` is the day in UTC.

    Of several waivers the one that holds longest counts. Where all have expired the finding fails and its reason says
    whose waiver ended when. What could not be judged stays unknown, for nobody can accept what nobody has seen; that
    nobody looks can be accepted, by a waiver that names the very resource (`instance/variables`), no pattern; one of a
    group's tokens is about those of the groups below it as well, which the report tells with them.
    """
    held = tuple(waivers)
    failing, waived, unknown = [], [], []
    for finding in report.unknown:
        waiver = _named_for(finding, held)
        if waiver is None or today > waiver.expires:
            unknown.append(finding)
        else:
            waived.append(replace(finding, verdict=Verdict.WAIVED, waiver=waiver))
    for finding in report.findings:
        waiver = _waiver_for(finding, held)
        if waiver is None:
            failing.append(finding)
        elif today <= waiver.expires:
            waived.append(replace(finding, verdict=Verdict.WAIVED, waiver=waiver))
        else:
            failing.append(replace(finding, reason=_expired(finding.reason, waiver)))
    return replace(report, findings=tuple(failing), unknown=tuple(unknown), waived=ordered((*report.waived, *waived)))


def covers(waiver: Waiver, finding: Finding) -> bool:
    """Whether the waiver speaks of this finding, whatever the date."""
    return (
        finding.rule.startswith(waiver.rule)
        and (matches_path(waiver.project, finding.project) or (waiver.project == "**" and not finding.project))
        and (waiver.resource is None or matches_wildcard(waiver.resource, finding.resource))
    )


def _waiver_for(finding: Finding, waivers: tuple[Waiver, ...]) -> Waiver | None:
    return max((w for w in waivers if covers(w, finding)), key=lambda waiver: waiver.expires, default=None)


def _named_for(finding: Finding, waivers: tuple[Waiver, ...]) -> Waiver | None:
    """As `_waiver_for`, of those that name what nobody looks at."""
    for resource in (finding.resource, *lists_above(finding.resource)):
        named = tuple(one for one in waivers if one.resource == resource)
        found = _waiver_for(replace(finding, resource=resource), named)
        if found is not None:
            return found
    return None


def _expired(reason: str, waiver: Waiver) -> str:
    return f"{reason} The waiver by {waiver.owner} ended on {waiver.expires.isoformat()}."
