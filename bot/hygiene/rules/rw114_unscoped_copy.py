"""RW114: a scoped token is in vain while a copy with scope `*` lies beside it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW114",
    title="credential both scoped and unscoped",
    severity=Severity.LOW,
    threat="Jobs without the environment get the copy with scope `*`, so scoping the other one keeps nothing from "
    "them.",
    remedy="Remove the copy with scope `*`, or let it be a token that may do less.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Passwords and tokens of one place and name, of which one has a scope of its own and one has `*`."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    secrets = [flags for flags, severity in publishing_own(facts) if severity is Severity.HIGH]
    scoped = {flags.key: flags.environment_scope for flags in secrets if flags.environment_scope != "*"}
    for flags in secrets:
        if flags.environment_scope == "*" and flags.key in scoped:
            yield rule.variable(flags, f"{called(flags)} has scope `*` beside a copy for {scoped[flags.key]}")
