"""RW219: an environment is where GitLab can ask for approval and scope credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW219",
    title="publishing job without an environment",
    severity=Severity.INFO,
    threat="Credentials can only be scoped to `*`, so that every job gets them; deployments are not recorded; "
    "and protected environments, which let named people alone run the job, cannot be used.",
    remedy="Give the job an `environment` of its own (`environment: pypi`), scope the publishing variables to "
    "it, protect it where your edition allows, and name it in PyPI's trusted publisher.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Whether the environment is protected is not in the file."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        if job.environment is None and job.complete:
            yield fault_of(job, "it names no environment")
