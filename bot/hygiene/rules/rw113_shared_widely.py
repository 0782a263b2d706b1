"""RW113: a token kept above projects is every project's token."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW113",
    title="publishing credential shared by a whole group or instance",
    severity=Severity.LOW,
    threat="Whoever is Maintainer of one project below can read it in a job of a protected ref, and publish what "
    "any other project publishes.",
    remedy="Give each publishing project a token of its own that may upload that project only, or use Trusted "
    "Publishing.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Credentials of groups are low, of the instance medium: those reach people who share nothing else."""
    rule = Judge(INFO, facts)
    if facts.level is Level.PROJECT:
        return
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if severity is Severity.HIGH:
            wide = Severity.MEDIUM if facts.level is Level.INSTANCE else None
            yield rule.variable(flags, f"{called(flags)} reaches every project below it", severity=wide)
