"""RW117: a token for an environment that no publishing job has is an empty token."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.effective import scope_fit
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import publishing_jobs, publishing_own

INFO = RuleInfo(
    id="RW117",
    title="credential's scope fits no publishing job",
    severity=Severity.MEDIUM,
    threat="The job that publishes does not get it: the release fails at the upload, and the usual cure is a copy "
    "with scope `*`.",
    remedy="Give the publishing job that `environment:`, or correct the variable's scope.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Scoped passwords and tokens of a project that has publishing jobs."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    if facts.level is not Level.PROJECT:
        return
    scoped = [flags for flags, severity in publishing_own(facts) if severity is Severity.HIGH]
    scoped = [flags for flags in scoped if flags.environment_scope != "*"]
    if isinstance(facts.ci, CiUnknown):
        for flags in scoped:
            yield rule.unknown(facts.resource(flags), facts.ci.reason, "Mend the CI file, then audit again")
        return
    jobs = publishing_jobs(facts)
    # An environment with a variable in its name is known only when the job runs.
    if not isinstance(facts.ci, CiFacts) or not jobs or any("$" in (job.environment or "") for job in jobs):
        return
    for flags in scoped:
        if all(scope_fit(flags.environment_scope, job.environment) is None for job in jobs):
            names = ", ".join(job.name for job in jobs)
            yield rule.variable(flags, f"{called(flags)} reaches none of the publishing jobs ({names})")
