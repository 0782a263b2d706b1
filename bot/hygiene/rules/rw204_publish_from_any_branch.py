"""RW204: who can push a branch can publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.reach import ANY_BRANCH, Chance, chance_in_any

INFO = RuleInfo(
    id="RW204",
    title="publishing job runs for unprotected branches",
    severity=Severity.HIGH,
    threat="Every developer who can push a branch can publish whatever they put there, and change the job's "
    "script on the way. Where the credential is protected, the job fails instead, on every branch.",
    remedy="Let the job run for protected tags only: `rules: [{if: $CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED "
    '== "true"}]`.',
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Judged for branches that nobody protects by name, however their pipeline is started.

    Whether the tags and branches that the job does name are protected is for RW3xx to say: the file does not tell.
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        if not job.complete:
            continue
        line = job.line_of("rules", "only", "except")
        match chance_in_any(ci, job, ANY_BRANCH):
            case Chance.YES if ci.whole or job.gates is not None or job.only is not None:
                limited = job.gates is not None or job.only is not None or job.excepts is not None
                why = "its rules let any branch in" if limited else "it has neither `rules` nor `only`"
                yield fault_of(job, f"it runs for unprotected branches: {why}", line)
            case Chance.YES | Chance.OPEN:
                yield replace(
                    fault_of(
                        job, "whether it runs for unprotected branches depends on what this file does not say", line
                    ),
                    unknown=True,
                    remedy='Ask for `$CI_COMMIT_REF_PROTECTED == "true"` in the rules of the job.',
                )
            case Chance.NO:
                pass
