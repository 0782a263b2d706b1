"""RW312: a branch that Developers push to straight is protected in name only."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.protection import open_to_developers

INFO = RuleInfo(
    id="RW312",
    title="Developers may push to a protected branch",
    severity=Severity.MEDIUM,
    threat="Its pipelines get the protected variables, so one pushed commit to the CI file, seen by nobody, can "
    "send the publishing token away.",
    remedy="Set `Allowed to push and merge` to no one or Maintainers, so that changes come by merge request.",
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
        if open_to_developers(branches.push):
            reason = f"Developers may push to branches that match {branches.pattern}"
            yield rule.fails(f"{facts.place}/protected_branches/{branches.pattern}", reason)
