"""RW224: what is included is as powerful as what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, judge_ci
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW224",
    title="CI file includes what others can change",
    severity=Severity.LOW,
    threat="Whoever can push to that place adds jobs to this project's pipelines, on its protected refs and "
    "with its credentials, without a commit here.",
    remedy="Name a full commit id (`ref:`), a whole version of a component, or an `integrity` hash for a remote file.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Medium for files from another site, low for other projects and components of the same GitLab.

    Source: doc/ci/yaml/_index.md, "include"; doc/ci/components/_index.md, "Component versions".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for include in ci.included:
        if include.fixed or include.kind not in _WORDS:
            continue
        where = f" (line {include.line})" if include.line else ""
        severity = Severity.MEDIUM if include.kind == "remote" else Severity.LOW
        yield Fault(
            reason=f"{_WORDS[include.kind]} is included as it is at the time{where}",
            line=include.line,
            severity=severity,
        )


_WORDS = {
    "remote": "a file from another site",
    "project": "a file of another project",
    "component": "a component",
}
