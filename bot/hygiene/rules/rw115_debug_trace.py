"""RW115: a debugging switch left on makes every job print all it knows."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called

INFO = RuleInfo(
    id="RW115",
    title="debug tracing switched on by a variable",
    severity=Severity.MEDIUM,
    threat="CI_DEBUG_TRACE makes the runner print every variable and every command of every job; what cannot be "
    "masked stands in the log as it is.",
    remedy="Remove the variable; set it for one pipeline by hand when it is needed, and delete that job's log.",
)
NAMES = frozenset({"CI_DEBUG_TRACE", "CI_DEBUG_SERVICES"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Any such variable in settings: its value cannot be seen, but nobody keeps it there to say `false`.

    Source: doc/ci/variables/variables_troubleshooting.md.
    """
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags in facts.own:
        if flags.key in NAMES:
            yield rule.variable(flags, f"{called(flags)} switches debugging on for every job it reaches")
