"""RW302: a protected tag that Developers may create protects from nobody who writes code here."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.protection import open_to_developers, tag_rules

INFO = RuleInfo(
    id="RW302",
    title="Developers may create release tags",
    severity=Severity.MEDIUM,
    threat="A tag on a commit that nobody reviewed runs with the protected variables: one person alone can "
    "release, or take the token.",
    remedy="Set `Allowed to create` of the protected tag to Maintainers.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Protection rules that release tags fall under; of several the most generous one counts, as in GitLab."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.tags, Unread):
        yield rule.unread(facts.access.tags, "protected_tags")
        return
    found = {one for tag in facts.release_tags for one in tag_rules(tag, facts.access.tags)}
    for protected in sorted(found, key=lambda one: one.pattern):
        if open_to_developers(protected.create):
            reason = f"Developers may create tags that match {protected.pattern}"
            yield rule.fails(f"{facts.place}/protected_tags/{protected.pattern}", reason)
