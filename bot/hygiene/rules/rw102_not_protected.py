"""RW102: without protection every branch's pipeline gets the token, and every Developer can push a branch."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_own

INFO = RuleInfo(
    id="RW102",
    title="publishing credential not protected",
    severity=Severity.HIGH,
    threat="Every pipeline of every branch gets it. Whoever may push a branch can send it away with one changed "
    "line of the CI file, without review.",
    remedy="Protect the release tags and branches first, then set `Protected` (`ropewalk fix variables` does it, "
    "and refuses where the next release would find it empty).",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """High for passwords and tokens, low for user names."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags, severity in publishing_own(facts):
        if not flags.protected:
            yield rule.variable(flags, f"{called(flags)} is not protected", severity=severity)
