"""RW217: an artifact is downloaded by whoever may read the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from bot.domain.ci import CiFacts, CiJob
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, reads_secrets
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW217",
    title="credential written into an artifact",
    severity=Severity.HIGH,
    threat="Artifacts, dotenv reports included, can be downloaded by everybody who may read the project's "
    "jobs, are handed to later jobs and child pipelines, and are not masked.",
    remedy="Do not pass credentials between jobs: give each job that needs one its own variable. Rotate what "
    "artifacts hold already.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """A command that reads a credential and writes a file which the job keeps, or its dotenv report."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in ci.jobs:
        for command in job.commands:
            names = reads_secrets(command)
            if names and any(_kept(job, path) for path in command.writes):
                yield fault_of(
                    job, f"{names[0]} is written into a file that the job keeps as an artifact", command.line
                )


def _kept(job: CiJob, written: str) -> bool:
    path = _plain(written)
    for pattern in (*job.artifacts, *job.dotenv):
        kept = _plain(pattern).rstrip("/")
        if kept and (path == kept or path.startswith(f"{kept}/") or fnmatchcase(path, kept)):
            return True
    return False


def _plain(path: str) -> str:
    return path.removeprefix("$CI_PROJECT_DIR/").removeprefix("${CI_PROJECT_DIR}/").removeprefix("./")
