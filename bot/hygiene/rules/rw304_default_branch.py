"""RW304: what is released comes from the default branch, so it is worth protecting."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.protection import branch_rules

INFO = RuleInfo(
    id="RW304",
    title="default branch not protected",
    severity=Severity.HIGH,
    threat="Any Developer can push to it without a merge request, delete it or rewrite it; a release from it "
    "contains what nobody looked at.",
    remedy="Protect the default branch under Settings > Repository > Protected branches.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The default branch of a project that publishes; an empty repository has none."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    for part, known in (("settings", facts.access.settings), ("protected_branches", facts.access.branches)):
        if isinstance(known, Unread):
            yield rule.unread(known, part)
    settings, branches = facts.access.settings, facts.access.branches
    if isinstance(settings, Unread) or isinstance(branches, Unread) or settings.default_branch is None:
        return
    branch = settings.default_branch
    if not branch_rules(branch, branches):
        yield rule.fails(f"{facts.place}/protected_branches/{branch}", f"the default branch {branch} is not protected")
