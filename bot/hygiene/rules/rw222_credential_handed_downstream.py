"""RW222: another project's pipeline is another project's people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, secrets_in
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW222",
    title="credential handed to a downstream pipeline",
    severity=Severity.MEDIUM,
    threat="The variable leaves the project that protects it: everybody who may change the other project's CI "
    "file can read it, and protection of refs here means nothing there.",
    remedy="Let the downstream project keep its own credential; remove `forward: {pipeline_variables: true}`.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """A trigger job with a credential among its variables, or that forwards pipeline variables (low).

    Source: doc/ci/yaml/_index.md, "trigger:forward".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in ci.jobs:
        if not job.trigger:
            continue
        line = job.line_of("variables", "trigger")
        for name in dict.fromkeys(name for value in job.variables.values() for name in secrets_in(value)):
            yield fault_of(job, f"{name} is handed to the pipeline it triggers", line, INFO.severity)
        if job.forwards:
            yield fault_of(job, "it forwards all pipeline variables", job.line_of("trigger"), Severity.LOW)
