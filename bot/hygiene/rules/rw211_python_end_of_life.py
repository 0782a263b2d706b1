"""RW211: an old Python gets no security fixes, nor do the tools that still run on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.images import image_of
from bot.hygiene.python_lives import END_OF_LIFE

INFO = RuleInfo(
    id="RW211",
    title="image with a Python past its end of life",
    severity=Severity.MEDIUM,
    threat="Nobody mends its flaws any more, TLS and archive handling among them, and twine and build leave it "
    "sooner or later: then the job runs old versions of both with the publishing credential.",
    remedy="Move the job to a Python that is maintained; what the package supports does not depend on it.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Jobs that build or upload; others may test on old versions as long as they like."""
    return judge_ci(INFO, facts, lambda ci: _faults(ci, facts.at))


def _faults(ci: CiFacts, now: datetime | None) -> Iterator[Fault]:
    for job in ci.jobs:
        image = image_of(ci, job) if job.publishes or job.builds else None
        python = None if image is None else image.python
        end = None if python is None else END_OF_LIFE.get(python)
        if python is None or end is None:
            continue
        said = f"its image is Python {python[0]}.{python[1]}"
        line = job.line_of("image")
        if now is None:
            yield replace(fault_of(job, f"{said}, and today's date is not known", line), unknown=True)
        elif now.date() > end:
            yield fault_of(job, f"{said}, whose life ended on {end.isoformat()}", line)
