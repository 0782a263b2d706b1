"""RW107: GitLab puts other variables in for `$` in a value, unless the variable is raw."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW107",
    title="`$` is expanded in a credential",
    severity=Severity.INFO,
    threat="A password with a `$` in it reaches the job changed, and twine is refused; what it became is not masked.",
    remedy="Clear `Expand variable reference` for it: a credential refers to nothing.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Passwords and tokens that are not raw. PyPI's own tokens have no `$`, so this is for information."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if severity is Severity.HIGH and not flags.raw and not flags.file:
            yield rule.variable(flags, f"{called(flags)} is expanded: a `$` in it would be replaced")
