"""RW305: a protected variable is empty in the pipeline of a ref that is not protected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.findings import Finding, RuleInfo
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import ci_resource
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.handing import Got, Job
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import credentials, publishing_jobs
from bot.hygiene.reach import Pipeline
from bot.hygiene.unguarded import Rules, default_branch, named_refs, release_tags, rules_of, runs
from bot.hygiene.uploading import concerns
from bot.hygiene.wildcards import matches

INFO = RuleInfo(
    id="RW305",
    title="protected credential, unprotected release ref",
    severity=Severity.HIGH,
    threat="The next release finds the variable missing and fails at the upload, after the tag is public. The "
    "usual cure, to unprotect the variable, gives it to every branch.",
    remedy="Protect the tags or the branch that the job publishes from, not the other way round: the variable is "
    "right as it is.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Protected publishing credentials, own or inherited, against every ref that a publishing job runs for: the tag
    patterns that policy releases, the default branch, and (medium) refs that the job's own rules name.
    """
    rule = Judge(INFO, facts)
    kept = {flags.key: flags for flags in credentials(facts) if flags.protected}
    if facts.access is None or not kept:
        return
    for part, known in (
        ("protected_tags", facts.access.tags),
        ("protected_branches", facts.access.branches),
        ("settings", facts.access.settings),
    ):
        if isinstance(known, Unread):
            yield rule.unread(known, part)
    if isinstance(facts.ci, CiUnknown):
        yield rule.unknown(ci_resource(facts), facts.ci.reason, "Mend the CI file, then audit again.")
    rules = rules_of(facts.access)
    if rules is None or not isinstance(facts.ci, CiFacts):
        return
    for key in sorted(kept):
        found = {one.resource: one for one in reversed(tuple(_empty(rule, facts.ci, kept[key], rules)))}
        yield from reversed(found.values())


def _empty(rule: Judge, ci: CiFacts, flags: VariableFlags, rules: Rules) -> Iterator[Finding]:
    for job in publishing_jobs(rule.facts):
        if not concerns(flags.key, job, ci):
            continue
        released = [*zip(rule.facts.release_tags, release_tags(rule.facts, rules), strict=True)]
        released += [(one.ref, one) for one in default_branch(rules)]
        for pattern, pipeline in released:
            if _kept_away(rule.facts, ci, job, pipeline, flags.key):
                yield _finding(rule, flags, job, pipeline, pattern)
        for pipeline in named_refs(ci, job, rules):
            told = any(matches(pattern, pipeline.ref) for pattern, _ in released)
            if not told and _kept_away(rule.facts, ci, job, pipeline, flags.key):
                yield replace(_finding(rule, flags, job, pipeline, pipeline.ref), severity=Severity.MEDIUM)
                break


def _kept_away(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline, key: str) -> bool:
    """Whether the job runs there, and only for want of protection without the variable."""
    if pipeline.protected or not runs(facts, ci, job, pipeline):
        return False
    now, then = (
        Job(facts=facts, ci=ci, job=job, pipeline=replace(pipeline, protected=protected)).variable(key).got
        for protected in (False, True)
    )
    return now is Got.NO and then is Got.YES


def _finding(rule: Judge, flags: VariableFlags, job: CiJob, pipeline: Pipeline, pattern: str) -> Finding:
    part = "protected_tags" if pipeline.tag else "protected_branches"
    refs = f"tags that match {pattern} are" if "*" in pattern else f"{'tag' if pipeline.tag else 'branch'} {pattern} is"
    reason = f"{called(flags)} is protected, {refs} not: job {job.name} runs for it and gets no value"
    return rule.fails(f"{rule.facts.place}/{part}/{pattern}#{flags.key}", reason)
