"""RW307: with the allowlist off, any project's job may act here with its starter's rights."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge

INFO = RuleInfo(
    id="RW307",
    title="job token allowlist switched off",
    severity=Severity.MEDIUM,
    threat="A job of any other project, started by somebody with rights here, can read this one and upload "
    "packages to its registry.",
    remedy="Switch the allowlist on under Settings > CI/CD > Job token permissions and add the projects that need it.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The inbound allowlist of a project that publishes."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.allowlist, Unread):
        yield rule.unread(facts.access.allowlist, "job_token_scope")
    elif not facts.access.allowlist:
        yield rule.fails(f"{facts.place}/job_token_scope", "job tokens of all projects are let in")
