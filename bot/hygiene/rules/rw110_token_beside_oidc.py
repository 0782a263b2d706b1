"""RW110: twine takes a password where there is one, so Trusted Publishing beside it is never used."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.ci import CiUnknown
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import ci_resource
from bot.hygiene.effective import effective
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import PASSWORD, credentials, publishing_jobs

INFO = RuleInfo(
    id="RW110",
    title="long-lived token where Trusted Publishing is set up",
    severity=Severity.MEDIUM,
    threat="The publishing job may ask PyPI for a token of fifteen minutes, but twine prefers the password it "
    "finds: the long-lived token is used, and stays worth stealing.",
    remedy="Remove the variable (and revoke the token on PyPI), so that the job's identity is what publishes.",
)
_AUDIENCES = frozenset({"pypi", "testpypi"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """A password that a job with an id token for PyPI gets. Source: twine/auth.py."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    if facts.level is not Level.PROJECT:
        return
    if isinstance(facts.ci, CiUnknown) and credentials(facts):
        yield rule.unknown(ci_resource(facts), facts.ci.reason, "Mend the CI file, then audit again")
    for job in publishing_jobs(facts):
        if not any(_AUDIENCES.intersection(audiences) for audiences in job.id_tokens.values()):
            continue
        got = effective(facts.variables.flags, protected_ref=True, environment=job.environment).get(PASSWORD)
        if got is not None:
            yield rule.variable(got, f"job {job.name} has an id token for PyPI, yet gets {called(got)}")
            return
