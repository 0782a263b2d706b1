"""RW310: a trigger token starts pipelines for whoever holds it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge

INFO = RuleInfo(
    id="RW310",
    title="trigger tokens can start publishing pipelines",
    severity=Severity.LOW,
    threat="Whoever holds one starts pipelines on any ref with its owner's rights, protected ones included; a "
    "token that never expires is found in old scripts.",
    remedy="Revoke those nobody uses; let the others expire, or start pipelines with a job token instead.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Trigger tokens without a date of expiry in a project that publishes."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.triggers, Unread):
        yield rule.unread(facts.access.triggers, "triggers")
        return
    for trigger in facts.access.triggers:
        if trigger.expires_on is None:
            owner = f" of {trigger.owner}" if trigger.owner else ""
            yield rule.fails(f"{facts.place}/triggers/{trigger.id}", f"trigger token {trigger.id}{owner} never expires")
