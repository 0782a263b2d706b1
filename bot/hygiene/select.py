"""Which findings are wanted, in which order they stand, and how bad the worst is."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity

_LISTS = ("access_tokens", "deploy_tokens")
_RESEMBLANCE = 0.6  # of two ids, from 0 to 1: one wrong digit of three is a slip, two are another rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the user asked to see. `only` and `skip` hold rule ids or prefixes of them; an empty `only` is every rule.

    `skip` wins over `only`.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    min_severity: Severity = Severity.INFO

    def wants(self, rule: str) -> bool:
        """Whether this rule need be judged at all."""
        return (not self.only or rule.startswith(self.only)) and not rule.startswith(self.skip)


def check_rules(names: Iterable[str], catalogue: Collection[str], where: str) -> None:
    """Make sure that each name is the id of a rule or a prefix of one; `where` is the option or the place in a file.

    Raises: ConfigError for the first that is not: a filter that filters nothing is a mistake nobody would notice.
    """
    for name in names:
        if not name or not any(rule.startswith(name) for rule in catalogue):
            near = difflib.get_close_matches(name.upper(), catalogue, n=1, cutoff=_RESEMBLANCE)
            shown = name.encode("unicode_escape", "backslashreplace").decode("ascii")[:40]
            remedy = f"Did you mean `{near[0]}`?" if near else "`ropewalk audit rules` lists the rules"
            raise ConfigError(f"`{shown}` is neither a rule nor the beginning of one", where, remedy)


def select(report: AuditReport, selection: Selection) -> AuditReport:
    """The report with what was asked for; `filtered` counts the failing findings left out."""

    def wanted(finding: Finding) -> bool:
        return finding.severity >= selection.min_severity and selection.wants(finding.rule)

    kept = keep(report, wanted)
    return replace(kept, filtered=report.filtered + len(report.findings) - len(kept.findings))


def keep(report: AuditReport, wanted: Callable[[Finding], bool]) -> AuditReport:
    """The report with those of all its findings that are wanted, in the same order."""
    return replace(
        report,
        findings=tuple(filter(wanted, report.findings)),
        unknown=tuple(filter(wanted, report.unknown)),
        waived=tuple(filter(wanted, report.waived)),
    )


def gathered(report: AuditReport) -> AuditReport:
    """The report with one `unknown` for each thing that could not be looked at, whatever number of rules is about it.

    It has the first of those rules, and its reason says how many there are. For those who read it: a history and a
    baseline need each rule's.
    """
    unknown = tuple(_outermost(_once_each(report.unknown)))
    return replace(report, unknown=unknown, waived=_once_each(report.waived))


def _outermost(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Without the lists of groups that a role in a group above, whose own list is unknown too, would show as well."""
    known = {one.identity for one in findings}
    outer = {one.identity: _topmost(one, known) for one in findings}
    below = Counter(outer.values())
    for one in findings:
        if outer[one.identity] == one.identity:
            more = below[one.identity] - 1
            groups = f"{more} group{'' if more == 1 else 's'} below it"
            yield replace(one, reason=f"{one.reason} and of {groups}") if more else one


def _topmost(one: Finding, known: Collection[str]) -> str:
    """The identity of the unknown about the same list of the highest group above that has one; else its own."""
    identities = (replace(one, resource=resource).identity for resource in lists_above(one.resource))
    return next((above for above in identities if above in known), one.identity)


def lists_above(resource: str) -> Iterator[str]:
    """Of the tokens of a group: those of the groups above it, the highest first; nothing for any other resource."""
    path, _, tail = resource.rpartition("/")
    parts = path.split("/")
    if parts[0] == "group" and tail in _LISTS:
        for length in range(2, len(parts)):
            yield "/".join((*parts[:length], tail))


def _once_each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        alike.setdefault((one.project, one.resource, one.scope, one.reason, one.remedy, one.waiver), []).append(one)
    return ordered(_one_of(several) for several in alike.values())


def _one_of(several: Sequence[Finding]) -> Finding:
    first = min(several, key=lambda one: one.rule)
    more = len({one.rule for one in several}) - 1
    if not more:
        return first
    severity = max(one.severity for one in several)
    rules = f"{more} more rule{'' if more == 1 else 's'}"
    return replace(first, severity=severity, reason=f"{first.reason} ({rules} cannot be judged for it, either)")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first; among equals by project, resource, rule, scope and line."""
    return tuple(sorted(findings, key=_place))


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The gravest severity, or None when there are no findings."""
    return max((finding.severity for finding in findings), default=None)


def tally(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many of each severity there are, the gravest first; severities without findings are left out."""
    counts = dict.fromkeys(sorted(Severity, reverse=True), 0)
    for finding in findings:
        counts[finding.severity] += 1
    return {severity: count for severity, count in counts.items() if count}


def _place(finding: Finding) -> tuple[int, str, str, str, str, int]:
    return (
        -finding.severity,
        finding.project,
        finding.resource,
        finding.rule,
        finding.scope,
        finding.line or 0,
    )
