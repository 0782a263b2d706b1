"""RW101: a job that prints its environment shows the token to everybody who may read job logs."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW101",
    title="publishing credential not masked",
    severity=Severity.HIGH,
    threat="Whatever prints it, a verbose tool or a debugging line, writes it into a job log, where everybody who "
    "may read the project's jobs can read it for as long as the log is kept.",
    remedy="Set `Masked` under Settings > CI/CD > Variables (`ropewalk fix variables` does it) and rotate the "
    "value: logs may hold it already.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """High for passwords and tokens, low for user names."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if not flags.masked and not flags.hidden:
            yield rule.variable(flags, f"{called(flags)} is not masked", severity=severity)
