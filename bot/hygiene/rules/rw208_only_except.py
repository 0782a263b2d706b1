"""RW208: two old keywords say less than they seem to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, listed, spoken
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW208",
    title="`only` and `except` instead of `rules`",
    severity=Severity.LOW,
    threat="They are no longer developed, and they name refs without asking whether these are protected: "
    "`only: main` is a name, whoever may push it. Beside jobs that have `rules` they give duplicate or "
    "missing jobs.",
    remedy='Say it with `rules`; for a publishing job, `if: $CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"`.',
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Low for publishing jobs, each on its own; info for all others together.

    Source: doc/ci/yaml/deprecated_keywords.md, "only / except".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    old = [job for job in ci.jobs if _is_old(job)]
    for job in old:
        if job.publishes:
            yield fault_of(job, "what it runs for is said with `only` or `except`", job.line_of("only", "except"))
    others = [job for job in old if not job.publishes]
    if others:
        names = listed(spoken(job.name) for job in others)
        line = others[0].line_of("only", "except")
        yield Fault(reason=f"`only` or `except` in {names}", line=line, severity=Severity.INFO)


def _is_old(job: CiJob) -> bool:
    return any(part is not None for part in (job.only, job.only_if, job.excepts, job.except_if))
