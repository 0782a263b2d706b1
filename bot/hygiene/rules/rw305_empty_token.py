"""RW305: a protected variable is empty in the pipeline of a tag that is not protected."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge, called
from bot.hygiene.protection import unprotected_tags
from bot.hygiene.publishing import credentials

INFO = RuleInfo(
    id="RW305",
    title="protected credential, unprotected release tag",
    severity=Severity.HIGH,
    threat="The next release finds the variable missing and fails at the upload, after the tag is public. The "
    "usual cure, to unprotect the variable, gives it to every branch.",
    remedy="Protect the release tags, not the other way round: the variable is right as it is.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Protected publishing credentials, own or inherited, against the tag patterns that policy releases."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.tags, Unread):
        yield rule.unread(facts.access.tags, "protected_tags")
        return
    loose = unprotected_tags(facts.release_tags, facts.access.tags)
    keys = {flags.key: flags for flags in credentials(facts) if flags.protected}
    weak = {flags.key for flags in credentials(facts) if not flags.protected}
    for key, flags in sorted(keys.items()):
        if loose and key not in weak:
            reason = f"{called(flags)} is protected, tags that match {', '.join(loose)} are not: the job gets no value"
            yield rule.fails(f"{facts.place}/protected_tags/{loose[0]}#{key}", reason)
