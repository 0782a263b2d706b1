"""RW206: an index keeps for ever what it accepted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing, uploads
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW206",
    title="no `twine check` before the upload",
    severity=Severity.LOW,
    threat="A description that does not render, or broken metadata, is noticed by users: PyPI never takes a "
    "file name a second time, so it cannot be mended under the same version.",
    remedy="Run `twine check --strict dist/*` before the upload, in the same job or in an earlier one.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Info where it runs without `--strict`: then warnings pass."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        if job.publisher == "ropewalk":
            continue  # it checks by itself, and strictly
        first = next(uploads(job), None)
        line = None if first is None else first.line
        checks = [check for other in ci.jobs for check in _checks(other, before=job)]
        if not checks:
            yield fault_of(job, "nothing checks the distributions before they are uploaded", line)
        elif not any(checks):
            yield fault_of(job, "twine check runs without --strict, so that warnings pass", line, Severity.INFO)


def _checks(job: CiJob, *, before: CiJob) -> Iterator[bool]:
    """For each check that can stop the upload, whether it is strict."""
    for command in job.commands:
        if job == before and command.words[:1] == (job.publisher,) and "upload" in command.words:
            return
        if command.words[:1] == ("twine",) and "check" in command.words and not command.tolerated:
            yield "--strict" in command.words
