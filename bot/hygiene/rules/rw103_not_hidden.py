"""RW103: what is not hidden, any Maintainer can read in the settings, and so can any token of theirs."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW103",
    title="publishing credential not hidden",
    severity=Severity.MEDIUM,
    threat="Every Maintainer can reveal it in the settings, and every API token of a Maintainer reads it: the "
    "token that was meant for one job is in as many hands.",
    remedy="GitLab hides a variable only when it is made: create it anew as `Masked and hidden` with a fresh "
    "token (`ropewalk fix variables` prints the steps).",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Passwords and tokens only: a user name is no secret. GitLab before 17.4 knows no hiding and is passed over."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if severity is Severity.HIGH and flags.hidden is False:
            yield rule.variable(flags, f"{called(flags)} can be revealed in the settings")
