"""What an audit adds to what is known: which findings are new, which are fixed, since when the others stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.findings import AuditReport, Finding
from bot.hygiene.audit import Audited
from bot.hygiene.tokens import forgotten
from bot.ports.store import FindingHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """The report with `first_seen` of each finding, how many are new, and how many were found fixed.

    `places` are those that were judged, as resources begin with them.
    """

    report: AuditReport
    new: int
    fixed: int
    places: frozenset[str] = frozenset()


def note(history: FindingHistory, audited: Audited, rules: Collection[str], *, whole: bool) -> Noted:
    """Write an audit into the history, and with it when the tokens end that it looked at.

    A finding is fixed if its rule was judged for its place and no longer fails nor is unknown. `whole` says that the
    audit was of everything watched: then what belongs to no place of it is gone with its place, if it was complete.
    """
    report = audited.report
    known = history.open_findings()
    failing = {one.identity for one in report.findings}
    unsure = {one.identity for one in report.unknown}
    blind = {(one.rule, place_of(one.resource, audited.places)) for one in report.unknown}
    fixed = [
        identity
        for identity, (rule, resource, _) in known.items()
        if identity not in failing
        and identity not in unsure
        and rule in rules
        and _gone(rule, place_of(resource, audited.places), blind, gone_too=whole and report.complete)
    ]
    gone = forgotten(history.token_lists(), audited.places) if whole and report.complete else ()
    history.note(report.findings, fixed, report.at, audited.tokens, tuple(gone))
    dated = tuple(_dated(one, report, known) for one in report.findings)
    new = sum(one.identity not in known for one in report.findings)
    return Noted(report=replace(report, findings=dated), new=new, fixed=len(fixed), places=audited.places)


def _dated(one: Finding, report: AuditReport, known: Mapping[str, tuple[str, str, datetime]]) -> Finding:
    first = known.get(one.identity)
    return replace(one, first_seen=report.at if first is None else first[2])


def _gone(rule: str, place: str | None, blind: Collection[tuple[str, str | None]], *, gone_too: bool) -> bool:
    return gone_too if place is None else (rule, place) not in blind


def place_of(resource: str, places: Collection[str]) -> str | None:
    """The audited place that a resource belongs to, the longest that fits; None if its place was not audited."""
    parts = resource.partition("#")[0].split("/")
    for length in range(len(parts), 0, -1):
        place = "/".join(parts[:length])
        if place in places:
            return place
    return None
