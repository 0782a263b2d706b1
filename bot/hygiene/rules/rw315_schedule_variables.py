"""RW315: what a schedule keeps of its own can be neither masked nor protected nor hidden."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.variable_names import Kind, kind
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.publishing import named_severity

INFO = RuleInfo(
    id="RW315",
    title="credential kept in the variables of a schedule",
    severity=Severity.HIGH,
    threat="Such a variable can be neither masked nor protected nor hidden: logs show its value, every job of the "
    "schedule's pipelines gets it, its owner and every Maintainer can read it. There it wins over the project's "
    "variable of that name, so that rotating that one changes nothing.",
    remedy="Rotate the credential, keep the new one in the settings (masked, protected, with a scope), and remove it "
    "from the schedule.",
    page="https://docs.gitlab.com/ci/pipelines/schedules/",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The names of the variables of schedules, switched off or not: high for a publishing credential, medium for
    another that its name makes one.
    """
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    if isinstance(facts.access.schedules, Unread):
        yield rule.unread(facts.access.schedules, "pipeline_schedules")
        return
    for schedule in facts.access.schedules:
        place = f"{facts.place}/pipeline_schedules/{schedule.id}"
        if schedule.keys is None:
            remedy = "Maintainer of the project may read them: give the token's user that role"
            yield rule.unknown(place, f"could not look at the variables of schedule {schedule.id}", remedy)
        for key in schedule.keys or ():
            severity = named_severity(facts, key)
            if severity is None and kind(key) is Kind.CREDENTIAL:
                severity = Severity.MEDIUM
            if severity is not None and severity > Severity.LOW:
                yield rule.fails(f"{place}#{key}", f"schedule {schedule.id} keeps {key}", severity=severity)
