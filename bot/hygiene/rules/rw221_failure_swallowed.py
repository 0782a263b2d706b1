"""RW221: an upload that fails quietly is worse than one that fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing, uploads
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW221",
    title="failed upload is swallowed",
    severity=Severity.MEDIUM,
    threat="The job goes on and ends green whether the files arrived or not: a wrong token, a taken name and "
    "half an upload all look like a release.",
    remedy="Remove `|| true` (and `set +e`) around the upload; to run a release twice, look first what the index has.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """`twine upload … || true` and the like, or after `set +e`."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        loose = False
        sent = set(uploads(job))
        for command in job.commands:
            if command.words[:1] == ("set",):
                loose = "+e" in command.words or (loose and "-e" not in command.words)
            if command in sent and command.tolerated:
                yield fault_of(job, "the script goes on when the upload fails", command.line)
            elif command in sent and loose:
                yield fault_of(job, "the upload runs after `set +e`", command.line)
