"""RW201: what stands in the repository is read by everybody who can read the repository, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiCredential, CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.variable_names import publishes
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, judge_ci, spoken
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW201",
    title="credential written into the CI file",
    severity=Severity.HIGH,
    threat="Everybody who may read the repository has it: forks, clones, job checkouts and every commit that "
    "ever held it. Deleting the line does not take it back.",
    remedy="Revoke or rotate it now, then keep the new one as a masked and protected variable, or use a "
    "short-lived token (`id_tokens`, CI_JOB_TOKEN).",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """High for a token by its form or a publishing one, medium for other literals, low for a test database's.

    The value is nowhere in our data: the adapter that reads the file tells the form and the place.
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for found in ci.credentials:
        yield Fault(
            reason=f"{found.form} stands in {spoken(found.place)}" + (f" (line {found.line})" if found.line else ""),
            job=found.job,
            line=found.line,
            severity=_severity(found),
        )


def _severity(found: CiCredential) -> Severity:
    if found.throwaway and not found.certain:
        return Severity.LOW
    return Severity.HIGH if found.certain or publishes(found.place) else Severity.MEDIUM
