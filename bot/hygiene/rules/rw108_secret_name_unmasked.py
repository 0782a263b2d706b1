"""RW108: other secrets are no better in a log than a publishing token."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.variable_names import Kind, kind
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_severity

INFO = RuleInfo(
    id="RW108",
    title="secret-looking variable not masked",
    severity=Severity.MEDIUM,
    threat="By its name it is a password, token or key, and any job that prints its environment puts it into the log.",
    remedy="Set `Masked`, and rotate the value if logs may hold it; or give it a name that says it is no secret.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Credentials that have nothing to do with publishing; those that have are RW101's."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags in facts.own:
        if flags.masked or flags.hidden or kind(flags.key) is not Kind.CREDENTIAL:
            continue
        if publishing_severity(facts, flags.key) is None:
            yield rule.variable(flags, f"{called(flags)} has the name of a secret and is not masked")
