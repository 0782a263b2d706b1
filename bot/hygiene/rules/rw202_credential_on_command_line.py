"""RW202: a command line is not a secret place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.credentials import is_header, secret_options
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, secrets_in
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW202",
    title="credential handed over on a command line",
    severity=Severity.MEDIUM,
    threat="Every process on the runner can read the arguments of every other, `set -x` and many tools' error "
    "messages print them, and masking hides only the exact value.",
    remedy="Hand it over by environment (twine reads TWINE_USERNAME and TWINE_PASSWORD by itself) or by "
    "standard input (`--password-stdin`).",
)

# Alive only while the job runs, and good for little beyond the project.
_SHORT_LIVED = frozenset({"CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Low where it is the job's own token, which ends with the job."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in ci.jobs:
        yield from _in_job(job)


def _in_job(job: CiJob) -> Iterator[Fault]:
    for command in job.commands:
        words = [value for _, value in secret_options(command.words)]
        words += [word for word in command.words if is_header(word)]
        for name in dict.fromkeys(name for word in words for name in secrets_in(word)):
            severity = Severity.LOW if name in _SHORT_LIVED else INFO.severity
            yield fault_of(job, f"{name} is on a command line", command.line, severity)
