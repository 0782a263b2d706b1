"""RW220: a release that failed should look like one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW220",
    title="publishing job is allowed to fail",
    severity=Severity.MEDIUM,
    threat="The pipeline is green though nothing, or half of it, was uploaded: later jobs announce a release "
    "that is not there, and nobody looks.",
    remedy="Remove `allow_failure` from the job.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """In the job or in one of its rules that lets it run."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        by_rule = any(gate.allow_failure and gate.when != "never" for gate in job.gates or ())
        if job.allow_failure or by_rule:
            yield fault_of(job, "it is allowed to fail", job.line_of(*(("rules",) if by_rule else ("allow_failure",))))
