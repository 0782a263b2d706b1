"""RW316: who may push any tag may publish, where nothing but the ref's name stands before Trusted Publishing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.estate import Unread
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge
from bot.hygiene.publishing import publishing_jobs
from bot.hygiene.unguarded import Rules, any_refs, named_refs, rules_of, runs

INFO = RuleInfo(
    id="RW316",
    title="Trusted Publishing from refs that no rule protects",
    severity=Severity.HIGH,
    threat="The job's identity token is there on every ref, unlike a protected variable. Where the job runs for a tag "
    "or branch that nobody protects, every Developer can push one, on any commit, and have it published.",
    remedy='Let the job ask for protection (`if: $CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"`), or protect '
    "all tags (`*`); name a protected environment in the job and in PyPI's publisher.",
    page="https://docs.gitlab.com/ci/secrets/id_token_authentication/",
)
_AUDIENCES = frozenset({"pypi", "testpypi"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Jobs that upload with an identity token for PyPI, against tags and named branches that no rule protects; that
    they run for any branch is RW204's. Medium where the job names an environment, which may be protected.
    """
    rule = Judge(INFO, facts)
    jobs = [job for job in publishing_jobs(facts) if _trusted(job)]
    if facts.access is None or not jobs or not isinstance(facts.ci, CiFacts):
        return
    for part, known in (("protected_tags", facts.access.tags), ("protected_branches", facts.access.branches)):
        if isinstance(known, Unread):
            yield rule.unread(known, part)
    rules = rules_of(facts.access)
    for job in jobs if rules is not None else ():
        assert rules is not None, "asked above"
        reason = next(_open(facts, facts.ci, job, rules), "")
        if reason:
            severity = None if job.environment is None else Severity.MEDIUM
            unless = "" if job.environment is None else f", unless environment {job.environment} is protected"
            resource = f"{facts.place}/jobs/{job.name}"
            yield rule.fails(resource, f"job {job.name} publishes from {reason}{unless}", severity=severity)


def _trusted(job: CiJob) -> bool:
    return any(_AUDIENCES.intersection(audiences) for audiences in job.id_tokens.values())


def _open(facts: ProjectFacts, ci: CiFacts, job: CiJob, rules: Rules) -> Iterator[str]:
    """Refs that the job runs for and no rule protects, as the end of a sentence."""
    if any(pipeline.tag and runs(facts, ci, job, pipeline) for pipeline in any_refs(rules)):
        yield "any tag that no rule protects"
    for pipeline in named_refs(ci, job, rules):
        if runs(facts, ci, job, pipeline):
            yield f"{'tag' if pipeline.tag else 'branch'} {pipeline.ref}, which is not protected"
