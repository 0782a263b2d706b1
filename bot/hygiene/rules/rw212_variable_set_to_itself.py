"""RW212: a line that does nothing, until the variable is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, spoken
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW212",
    title="variable set to itself",
    severity=Severity.LOW,
    threat="Variables from settings win over the file, so the line does nothing while the variable is there. "
    "Where it is not (an unprotected ref, another scope) the job gets the text `$NAME`, and the upload "
    "fails with a refused password instead of a missing one.",
    remedy="Remove the line: jobs see variables from settings without it.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """In the variables of the file or of a job.

    Source: doc/ci/variables/_index.md, "CI/CD variable precedence".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for name in _circular(ci.variables):
        yield Fault(reason=f"{name} is set to itself for every job", line=ci.lines.get("variables"))
    for job in ci.jobs:
        for name in _circular(job.variables):
            yield fault_of(job, f"{name} is set to itself", job.line_of("variables"))


def _circular(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        if value in (f"${name}", f"${{{name}}}"):
            yield spoken(name)
