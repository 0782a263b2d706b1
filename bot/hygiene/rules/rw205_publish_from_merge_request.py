"""RW205: a merge request is a proposal, not a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.reach import ANY_MERGE_REQUEST, Chance, chance_in_any

INFO = RuleInfo(
    id="RW205",
    title="publishing job runs in merge-request pipelines",
    severity=Severity.HIGH,
    threat="Code that nobody has reviewed yet runs with what the job can reach, and is published before it is "
    "merged. Merge requests from forks run it too, if a member starts their pipeline.",
    remedy="Let the job run for protected tags only; where rules end in a catch-all, begin them with `{if: "
    '$CI_PIPELINE_SOURCE == "merge_request_event", when: never}`.',
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Judged for a merge request from a branch that nobody protects by name.

    Source: doc/ci/pipelines/merge_request_pipelines.md.
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        if not job.complete:
            continue
        line = job.line_of("rules", "only", "except")
        match chance_in_any(ci, job, ANY_MERGE_REQUEST):
            case Chance.YES if ci.whole or ci.workflow is not None:
                yield fault_of(job, "it runs in merge-request pipelines", line)
            case Chance.YES | Chance.OPEN:
                yield replace(
                    fault_of(
                        job, "whether it runs in merge-request pipelines depends on what this file does not say", line
                    ),
                    unknown=True,
                    remedy="Rule merge-request pipelines out in the rules of the job.",
                )
            case Chance.NO:
                pass
