"""RW214: a job that can ask for a publishing token can publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, listed, spoken
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW214",
    title="index identity token outside the publishing job",
    severity=Severity.HIGH,
    threat="An identity token for PyPI is exchanged for an upload token by whoever holds it. In a test or "
    "build job that is every dependency, plugin and test of the project.",
    remedy="Keep `id_tokens` in the publishing job alone, not in `default` or a shared template, and let that "
    "job install as little as it can.",
)

_INDEXES = frozenset({"pypi", "testpypi"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """One finding for `default`, if any job but the publishing ones gets it; else one for each such job.

    Source: PyPI's documentation, "Trusted Publishers"; doc/ci/yaml/_index.md, "id_tokens".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    holders = [job for job in ci.jobs if not job.publishes and not job.trigger and _for_index(job.id_tokens)]
    inherited = [job for job in holders if not job.own_id_tokens]
    if inherited:
        names = listed(spoken(job.name) for job in inherited)
        yield Fault(
            reason=f"`default` gives an identity token for the index to {names}", line=ci.lines.get("id_tokens")
        )
    for job in holders:
        if job.own_id_tokens:
            line = job.line_of("id_tokens")
            yield fault_of(job, "it gets an identity token for the index and uploads nothing", line)


def _for_index(tokens: Mapping[str, tuple[str, ...]]) -> bool:
    return any(_INDEXES & set(audiences) for audiences in tokens.values())
