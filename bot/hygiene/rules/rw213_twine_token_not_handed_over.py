"""RW213: twine has no variable of that name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, option, publishing, uploads
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW213",
    title="`TWINE_TOKEN` never reaches twine",
    severity=Severity.MEDIUM,
    threat="twine reads TWINE_USERNAME and TWINE_PASSWORD and nothing else. The upload fails for want of a "
    "password, while the token lies about like any other.",
    remedy="Hand it over in the job: `variables: {TWINE_USERNAME: __token__, TWINE_PASSWORD: $TWINE_TOKEN}`, "
    "or better rename it to TWINE_PASSWORD in the settings.",
)

_TOKEN, _PASSWORD = "TWINE_TOKEN", "TWINE_PASSWORD"


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Jobs that upload with twine, where the file or the settings have TWINE_TOKEN.

    Source: twine/settings.py, twine/utils.py.
    """
    return judge_ci(INFO, facts, lambda ci: _faults(ci, {flags.key for flags in facts.variables.flags}))


def _faults(ci: CiFacts, settings: set[str]) -> Iterator[Fault]:
    for job in publishing(ci):
        named = _TOKEN in settings or _TOKEN in job.uses or _TOKEN in job.variables or _TOKEN in ci.variables
        if job.publisher == "twine" and named and not _handed_over(ci, job, settings):
            first = next(uploads(job), None)
            yield fault_of(
                job, "TWINE_TOKEN is set, and no password reaches twine", None if first is None else first.line
            )


def _handed_over(ci: CiFacts, job: CiJob, settings: set[str]) -> bool:
    """Whether twine gets a password from anywhere."""
    if _PASSWORD in settings or job.id_tokens:
        return True
    if any(variables.get(_PASSWORD, f"${_PASSWORD}") != f"${_PASSWORD}" for variables in (ci.variables, job.variables)):
        return True
    for command in job.commands:
        if any(assign.name == _PASSWORD for assign in command.assigns):
            return True
        if command.words[:1] == ("twine",) and option(command, "-p", "--password") is not None:
            return True
    return False
