"""RW111: PyPI takes tokens only, and their user name is always `__token__`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import ci_resource
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge
from bot.hygiene.publishing import USERNAME, credentials, publishing_jobs

INFO = RuleInfo(
    id="RW111",
    title="user name other than `__token__` for PyPI",
    severity=Severity.LOW,
    threat="PyPI refuses passwords of accounts, so the upload fails; and a name in the file tells whose account "
    "to try.",
    remedy="Set TWINE_USERNAME to `__token__` and TWINE_PASSWORD to a token that may upload this project only.",
)
TOKEN_USER = "__token__"  # noqa: S105  (a user name)
_ELSEWHERE = ("TWINE_REPOSITORY_URL", "TWINE_REPOSITORY")


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Names written in the CI file of a project whose jobs upload to PyPI; those in settings cannot be seen."""
    rule = Judge(INFO, facts)
    if facts.level is not Level.PROJECT:
        return
    if isinstance(facts.ci, CiUnknown) and credentials(facts):
        yield rule.unknown(ci_resource(facts), facts.ci.reason, "Mend the CI file, then audit again")
    if not isinstance(facts.ci, CiFacts):
        return
    for job in publishing_jobs(facts):
        name = job.variables.get(USERNAME, facts.ci.variables.get(USERNAME))
        uploads_elsewhere = _elsewhere(job.variables) or _elsewhere(facts.ci.variables)
        by_option = any("--repository" in line.text or " -r " in line.text for line in job.script)
        if name is None or "$" in name or name == TOKEN_USER or uploads_elsewhere or by_option:
            continue
        if any(flags.key in _ELSEWHERE for flags in facts.variables.flags):
            continue
        yield rule.fails(
            f"{ci_resource(facts)}#{job.name}", f"job {job.name} uploads to PyPI as a user who is no token"
        )


def _elsewhere(variables: Mapping[str, str]) -> bool:
    return any(name in variables for name in _ELSEWHERE)
