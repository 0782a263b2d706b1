"""RW309: a schedule runs when nobody looks, with the protected variables of its ref."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.protection import branch_rules
from bot.hygiene.publishing import credentials

INFO = RuleInfo(
    id="RW309",
    title="schedule runs with a publishing credential",
    severity=Severity.LOW,
    threat="Its pipeline gets the token although it publishes nothing, and installs whatever is newest that "
    "night; its own variables, which its owner sets, win over the project's.",
    remedy="Give the credential the scope of the publishing job's environment, so that no other job gets it.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Active schedules whose ref gets a publishing credential of scope `*`."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    for part, known in (
        ("pipeline_schedules", facts.access.schedules),
        ("protected_branches", facts.access.branches),
    ):
        if isinstance(known, Unread):
            yield rule.unread(known, part)
    schedules, branches = facts.access.schedules, facts.access.branches
    if isinstance(schedules, Unread) or isinstance(branches, Unread):
        return
    wide = [flags for flags in credentials(facts) if flags.environment_scope == "*"]
    for schedule in schedules:
        ref = schedule.ref.removeprefix("refs/heads/")
        protected = bool(branch_rules(ref, branches))
        got = sorted({flags.key for flags in wide if protected or not flags.protected})
        if schedule.active and got:
            reason = f"schedule {schedule.id} on {ref} runs with {', '.join(got)}"
            yield rule.fails(f"{facts.place}/pipeline_schedules/{schedule.id}", reason)
