"""RW104: a token that only the publishing job needs should exist only where that job runs."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW104",
    title="publishing credential has scope `*`",
    severity=Severity.LOW,
    threat="Every job of the pipeline gets it: test runners, linters and whatever they install can read it, not "
    "only the job that publishes.",
    remedy="Give the publishing job an `environment:` of its own (such as `pypi`) and the variable that scope.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Passwords and tokens of projects and groups; variables of the instance have no scope to give."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if severity is Severity.HIGH and flags.environment_scope == "*" and flags.level != "instance":
            yield rule.variable(flags, f"{called(flags)} reaches every job (scope `*`)")
