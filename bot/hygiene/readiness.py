"""Would the next tag publish? One check for each thing that has to be right, each with its reason.

Who publishes decides which checks there are: the bot (its policy takes artifacts of the pipeline), or the project's own
pipeline with twine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.estate import Access, Unread
from bot.domain.freezes import Frozen
from bot.domain.policy import IndexSpec, ReleaseRule, Source
from bot.domain.refs import RefKind
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import called
from bot.hygiene.publishing import named_severity, publishing_jobs
from bot.hygiene.reach import Pipeline
from bot.hygiene.starting import NEVER, starts
from bot.hygiene.uploading import credential
from bot.hygiene.wildcards import matches

MEND_CI = "Mend the CI file, then ask again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    verdict: Verdict
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The next tag: its name, the rule of policy that releases it, and that rule's indexes.

    `block_at` is where the hygiene gate stops a release; `gitlab` GitLab's host; `frozen` what of policy's freezes
    covers the project now.
    """

    tag: str
    rule: ReleaseRule | None
    indexes: tuple[IndexSpec, ...] = ()
    block_at: Severity | None = Severity.HIGH
    gitlab: str = ""
    frozen: Frozen | None = None

    @property
    def by_bot(self) -> bool:
        """Whether the bot itself uploads what the pipeline built."""
        return self.rule is not None and self.rule.source is not Source.PIPELINE


def next_tag(patterns: tuple[str, ...]) -> str:
    """A tag that the first pattern covers and that looks like a version."""
    pattern = patterns[0] if patterns else "v*"
    head, star, tail = pattern.partition("*")
    return f"{head}9999.0.0{tail.replace('*', '')}" if star else pattern


def covering(rules: tuple[ReleaseRule, ...], project: str, tag: str) -> ReleaseRule | None:
    """The rule that would release the tag."""
    return next((rule for rule in rules if rule.matches(project, RefKind.TAG, tag)), None)


def readiness(facts: ProjectFacts, question: Question) -> tuple[Check, ...]:
    """All checks, in the order in which they would stop the release."""
    return tuple(_checks(facts, question))


def ready(checks: tuple[Check, ...]) -> bool:
    """Whether nothing stands in the way and nothing that decides is unknown."""
    return all(check.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) for check in checks)


def _checks(facts: ProjectFacts, question: Question) -> Iterator[Check]:
    protected = _protected(facts.access, question.tag)
    yield _policy(question)
    yield _tag(question, protected)
    yield from _people(question)
    ci = facts.ci
    if ci is None or isinstance(ci, CiUnknown):
        missing = ci is None
        reason = "there is no .gitlab-ci.yml" if ci is None else ci.reason
        yield Check(
            name="ci file",
            verdict=Verdict.FAIL if missing else Verdict.UNKNOWN,
            reason=reason,
            remedy="`ropewalk ci init` writes one" if missing else MEND_CI,
        )
        return
    if not ci.whole:
        reason = "its includes could not be resolved, so jobs may be hidden"
        yield Check(
            name="ci file", verdict=Verdict.UNKNOWN, reason=reason, remedy="Developer may merge it: see CI Lint"
        )
    else:
        yield Check(name="ci file", verdict=Verdict.PASS, reason=f"{len(ci.jobs)} jobs, all of them known")
    if question.by_bot and not _left_to_pipeline(facts, ci, question, protected):
        yield from _by_bot(facts, ci, question, protected)
    else:
        yield from _by_pipeline(facts, ci, question, protected)


def _policy(question: Question) -> Check:
    name, rule = "policy", question.rule
    if rule is None:
        reason = f"no rule of `releases` covers {question.tag}: only the project's own pipeline can publish"
        return Check(name=name, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    if rule.source is Source.BUILD:
        who = "the bot builds from source and uploads"
    else:
        who = "the bot uploads what the pipeline builds" if question.by_bot else "the pipeline uploads"
    if rule.source is Source.AUTO:
        who = "the pipeline or the bot uploads, as the bot then finds"
    reason = f"a rule of `releases` covers {question.tag}: {who}, to {', '.join(rule.indexes)}"
    return Check(name=name, verdict=Verdict.PASS, reason=reason)


def _people(question: Question) -> Iterator[Check]:
    """What waits for people or a date, where policy has something of the kind."""
    rule, frozen = question.rule, question.frozen
    if rule is not None and frozen is not None:
        names = " and ".join(freeze.name for freeze in frozen.by)
        until = "" if frozen.until is None else f" until {frozen.until:%Y-%m-%d %H:%M} UTC"
        remedy = "Wait, or lift the freeze in the policy"
        yield Check(name="freeze", verdict=Verdict.FAIL, reason=f"frozen{until} by {names}", remedy=remedy)
    if rule is not None and rule.approval is not None:
        asked = rule.approval
        who = f"{asked.role.word}s of the project" + (f" out of {', '.join(asked.users)}" if asked.users else "")
        reason = f"it would wait for {asked.count} of the {who} to approve it (`ropewalk release approve`)"
        yield Check(name="approval", verdict=Verdict.NOT_APPLICABLE, reason=reason)


def _protected(access: Access | None, tag: str) -> bool | Unread:
    if access is None:
        return Unread(what="protected tags", remedy="Maintainer of the project may read them")
    if isinstance(access.tags, Unread):
        return access.tags
    return any(matches(rule.pattern, tag) for rule in access.tags)


def _tag(question: Question, protected: bool | Unread) -> Check:
    name, tag = "tag protected", question.tag
    if isinstance(protected, Unread):
        reason = f"could not look at {protected.what}"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=protected.remedy)
    if protected:
        return Check(name=name, verdict=Verdict.PASS, reason=f"tag {tag} would be protected")
    remedy = "Protect the pattern under Settings > Repository > Protected tags"
    needed = question.rule is not None
    return Check(
        name=name,
        verdict=Verdict.FAIL if needed else Verdict.NOT_APPLICABLE,
        reason=f"tag {tag} would not be protected" + ("" if needed else ": that alone stops no pipeline"),
        remedy=remedy,
    )


def _pipelines(facts: ProjectFacts, tag: str, protected: bool | Unread) -> tuple[Pipeline, ...]:
    """The pipeline of the tag; two of them where nobody knows whether it is protected."""
    access = facts.access
    settings = None if access is None or isinstance(access.settings, Unread) else access.settings
    branch = settings.default_branch if settings is not None and settings.default_branch else "main"
    either = (True, False) if isinstance(protected, Unread) else (protected,)
    return tuple(Pipeline(source="push", ref=tag, tag=True, protected=one, default_branch=branch) for one in either)


def _left_to_pipeline(facts: ProjectFacts, ci: CiFacts, question: Question, protected: bool | Unread) -> bool:
    """Whether `auto` would leave the upload to a job of the tag's pipeline. See docs/sources.md."""
    if question.rule is None or question.rule.source is not Source.AUTO:
        return False
    plays = question.rule.pipeline.play or not any(job.artifacts for job in ci.jobs)
    fit = {"on_success", "always", *({"manual"} if plays else ())}
    return any(
        starts(facts, ci, job, pipeline) <= fit
        for job in publishing_jobs(facts)
        for pipeline in _pipelines(facts, question.tag, protected)
    )


def _by_pipeline(facts: ProjectFacts, ci: CiFacts, question: Question, protected: bool | Unread) -> Iterator[Check]:
    jobs = publishing_jobs(facts)
    if not jobs:
        known = ci.whole
        yield Check(
            name="publishing job",
            verdict=Verdict.FAIL if known else Verdict.UNKNOWN,
            reason="no job uploads distributions" + ("" if known else " that can be seen"),
            remedy="Add a job that runs `twine upload`, or let the bot upload (source: artifacts)",
        )
        return
    pipelines = _pipelines(facts, question.tag, protected)
    paths = [_path(facts, ci, job, pipelines, question) for job in jobs]
    # Each job may publish by itself; the one that comes furthest tells.
    yield from min(paths, key=_gravity)


def _gravity(path: tuple[Check, ...]) -> tuple[bool, int, int]:
    failed = sum(check.verdict is Verdict.FAIL for check in path)
    unknown = sum(check.verdict is Verdict.UNKNOWN for check in path)
    return failed > 0, unknown, -len(path)


def _path(
    facts: ProjectFacts, ci: CiFacts, job: CiJob, pipelines: tuple[Pipeline, ...], question: Question
) -> tuple[Check, ...]:
    runs = [starting(facts, ci, job, pipeline) for pipeline in pipelines]
    run = _agreed("publishing job", runs)
    played = question.rule is not None and question.rule.pipeline.play
    if played and all(starts(facts, ci, job, pipeline) == {"manual"} for pipeline in pipelines):
        reason = f"job {job.name} waits for a person for tag {question.tag}, and the bot plays it"
        run = Check(name="publishing job", verdict=Verdict.PASS, reason=reason)
    if run.verdict is Verdict.FAIL:
        return (run,)
    given = [credential(facts, ci, job, pipeline, question.gitlab) for pipeline in pipelines]
    checks = [Check(name="credential", verdict=one.verdict, reason=one.reason, remedy=one.remedy) for one in given]
    return (run, _agreed("credential", checks))


def _agreed(name: str, checks: list[Check]) -> Check:
    """One check of what was asked for every possible pipeline: unknown where they differ."""
    if len({check.verdict for check in checks}) == 1:
        return checks[0]
    worse = next(check for check in checks if check.verdict is not Verdict.PASS)
    reason = f"if the tag is not protected: {worse.reason}"
    return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=worse.remedy)


def starting(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> Check:
    """Whether a job starts by itself in that pipeline."""
    name, words = "publishing job", starts(facts, ci, job, pipeline)
    good = {"on_success", "always"}
    if not job.complete:
        reason = f"job {job.name} builds on what this file does not define"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy="Developer may merge it: see CI Lint")
    if words <= good:
        return Check(name=name, verdict=Verdict.PASS, reason=f"job {job.name} runs for tag {pipeline.ref}")
    if words & good:
        reason = f"whether job {job.name} runs for tag {pipeline.ref} depends on what is known only then"
        return Check(
            name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy="Ask for $CI_COMMIT_TAG alone in its rules"
        )
    if words == {NEVER}:
        reason = f"job {job.name} does not run for tag {pipeline.ref}"
        return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy="Let its rules hold: `if: $CI_COMMIT_TAG`")
    how = ", ".join(sorted(words - {NEVER}))
    reason = f"job {job.name} does not start by itself for tag {pipeline.ref} (when: {how})"
    return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy="Play it after the tag, or drop `when`")


def _by_bot(facts: ProjectFacts, ci: CiFacts, question: Question, protected: bool | Unread) -> Iterator[Check]:
    if question.rule is None or question.rule.source is not Source.BUILD:
        yield _build(facts, ci, question, protected)
    yield _hygiene(facts, question)
    for spec in question.indexes:
        account = "the bot's own token" if spec.username is None else "the bot's credentials"
        yield Check(
            name=f"index {spec.name}",
            verdict=Verdict.PASS,
            reason=f"{account} upload there; `ropewalk doctor` tells whether it answers",
        )


def _build(facts: ProjectFacts, ci: CiFacts, question: Question, protected: bool | Unread) -> Check:
    makers = [job for job in ci.jobs if job.artifacts]
    pipelines = _pipelines(facts, question.tag, protected)
    found = [_agreed("build job", [starting(facts, ci, job, one) for one in pipelines]) for job in makers]
    for verdict in (Verdict.PASS, Verdict.UNKNOWN):
        for check in found:
            if check.verdict is verdict:
                return Check(name="build job", verdict=verdict, reason=check.reason, remedy=check.remedy)
    remedy = "Let a job of the tag's pipeline keep dist/ as artifacts"
    if not ci.whole:
        return Check(name="build job", verdict=Verdict.UNKNOWN, reason="jobs may be hidden", remedy=remedy)
    reason = found[0].reason if found else "no job keeps artifacts"
    return Check(name="build job", verdict=Verdict.FAIL, reason=reason, remedy=remedy)


def _hygiene(facts: ProjectFacts, question: Question) -> Check:
    """What the release's own gate would say of the variables."""
    block_at = question.block_at
    weak = [
        flags
        for flags in facts.variables.flags
        if (found := named_severity(facts, flags.key)) is not None
        and (block_at is not None and found >= block_at)
        and not (flags.masked and flags.protected)
    ]
    if weak:
        reason = f"{called(weak[0])} is not masked and protected: the hygiene gate blocks the release"
        return Check(name="hygiene", verdict=Verdict.FAIL, reason=reason, remedy="`ropewalk fix variables` plans it")
    if facts.unread is not None:
        reason = f"could not look at {facts.unread.what}"
        return Check(name="hygiene", verdict=Verdict.UNKNOWN, reason=reason, remedy=facts.unread.remedy)
    return Check(name="hygiene", verdict=Verdict.PASS, reason="no publishing variable stands in the way")
