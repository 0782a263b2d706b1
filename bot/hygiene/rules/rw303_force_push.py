"""RW303: history that can be rewritten is no record of what was released."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge

INFO = RuleInfo(
    id="RW303",
    title="force push allowed on a protected branch",
    severity=Severity.MEDIUM,
    threat="Reviewed commits can be replaced after the review, and the commit that a release came from can vanish "
    "from its branch.",
    remedy="Switch `Allowed to force push` off for the branch.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Every protected branch pattern of a project that publishes."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.branches, Unread):
        yield rule.unread(facts.access.branches, "protected_branches")
        return
    for branches in facts.access.branches:
        if branches.force_push:
            reason = f"branches that match {branches.pattern} may be force-pushed"
            yield rule.fails(f"{facts.place}/protected_branches/{branches.pattern}", reason)
