"""RW301: whoever may push a tag may release, unless the tag is protected."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.protection import unprotected_tags

INFO = RuleInfo(
    id="RW301",
    title="release tags not protected",
    severity=Severity.HIGH,
    threat="Any Developer can push such a tag, on any commit, and move it afterwards: what is released is what "
    "they chose, not what was reviewed.",
    remedy="Protect the pattern under Settings > Repository > Protected tags, with Maintainers allowed to create.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Each tag pattern that policy releases, in a project that publishes."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.tags, Unread):
        yield rule.unread(facts.access.tags, "protected_tags")
        return
    for tag in unprotected_tags(facts.release_tags, facts.access.tags):
        yield rule.fails(f"{facts.place}/protected_tags/{tag}", f"no rule protects all tags that match {tag}")
