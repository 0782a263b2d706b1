"""RW313: where every branch is protected, protected variables reach every branch."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.publishing import credentials

INFO = RuleInfo(
    id="RW313",
    title="all branches are protected, so protection tells nothing apart",
    severity=Severity.MEDIUM,
    threat="A protected variable is given to pipelines of protected branches. If the pattern is `*`, that is "
    "every branch somebody is allowed to push.",
    remedy="Protect the branches that releases come from by name, and leave working branches unprotected.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """A pattern of stars alone that somebody may push to, in a project with a protected publishing credential."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.branches, Unread):
        yield rule.unread(facts.access.branches, "protected_branches")
        return
    kept = sorted({flags.key for flags in credentials(facts) if flags.protected})
    for branches in facts.access.branches:
        if kept and branches.pattern.strip("*") == "" and any(level > 0 for level in branches.push):
            reason = f"pattern {branches.pattern} protects every branch: all get {', '.join(kept)}"
            yield rule.fails(f"{facts.place}/protected_branches/{branches.pattern}", reason)
