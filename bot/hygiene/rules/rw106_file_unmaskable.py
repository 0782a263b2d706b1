"""RW106: GitLab masks one line without spaces; a whole file such as a .pypirc it cannot."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW106",
    title="credential that GitLab cannot mask",
    severity=Severity.MEDIUM,
    threat="GitLab masks values of eight characters or more on one line without spaces. A file variable (a "
    ".pypirc, a key) has line breaks, so whatever prints it prints it whole.",
    remedy="Keep only the token in the variable, of type `Variable`, masked; write the file in the job from it.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Publishing credentials of type file that are not masked."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if severity is Severity.HIGH and flags.file and not flags.masked:
            reason = f"{called(flags)} is of type file: a value with line breaks or spaces cannot be masked"
            yield rule.variable(flags, reason)
