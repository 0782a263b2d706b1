"""Would the next tag publish? One check for each thing that has to be right, each with its reason.

Who publishes decides which checks there are: the bot (its policy takes artifacts of the pipeline), or the project's own
pipeline with twine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.freezes import Frozen
from bot.domain.policy import IndexSpec, ReleaseRule, Source
from bot.domain.refs import RefKind
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import called
from bot.hygiene.publishing import publishing_jobs, publishing_severity
from bot.hygiene.running import MEND_CI, Check, Run, agreed, file_check, pipeline_checks, runs, starting
from bot.hygiene.sending import makes_nothing, opaque, sent, takes_from
from bot.hygiene.starting import NEVER
from bot.hygiene.tagging import protected, registry_off, switched_off, tag_check
from bot.hygiene.uploading import credential
from bot.hygiene.wildcards import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The next tag: its name, the rule of policy that releases it, and that rule's indexes.

    `block_at` is where the hygiene gate stops a release; `gitlab` GitLab's host; `frozen` what of policy's freezes
    covers the project now; `may_build` says that policy lets the bot build, `block_unknown` that it releases nothing
    where some level's variables cannot be read.
    """

    tag: str
    rule: ReleaseRule | None
    indexes: tuple[IndexSpec, ...] = ()
    block_at: Severity | None = Severity.HIGH
    gitlab: str = ""
    frozen: Frozen | None = None
    may_build: bool = False
    block_unknown: bool = False

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
    known = protected(facts.access, question.tag)
    ci = facts.ci
    built = _built(ci, question)
    yield _policy(question)
    yield tag_check(facts.access, question.tag, released=question.rule is not None)
    yield from _people(question)
    yield from switched_off(facts, pipeline=not built)
    if built:
        yield from _by_bot(facts, question)
        return
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
    yield file_check(ci)
    found = runs(facts, ci, question.tag, known)
    yield from pipeline_checks(ci, found)
    if question.by_bot and not _left_to_pipeline(facts, ci, question, found):
        yield _build(ci, found)
        yield from _by_bot(facts, question)
    else:
        yield from _by_pipeline(facts, ci, question, found)


def _built(ci: CiFacts | CiUnknown | None, question: Question) -> bool:
    """Whether the bot builds the files itself, so that no job of the tag's pipeline is needed. See docs/sources.md."""
    if question.rule is None or question.rule.source is Source.BUILD:
        return question.rule is not None
    if question.rule.source is not Source.AUTO or not question.may_build or isinstance(ci, CiUnknown):
        return False
    return ci is None or (ci.whole and not any(job.publishes or job.artifacts for job in ci.jobs))


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


def _left_to_pipeline(facts: ProjectFacts, ci: CiFacts, question: Question, found: tuple[Run, ...]) -> bool:
    """Whether `auto` would leave the upload to a job of the tag's pipeline. See docs/sources.md."""
    if question.rule is None or question.rule.source is not Source.AUTO:
        return False
    plays = question.rule.pipeline.play or not any(job.artifacts for job in ci.jobs)
    fit = {"on_success", "always", "delayed", *({"manual"} if plays else ())}
    return any(run.words(job) <= fit for job in publishing_jobs(facts) for run in found)


def _by_pipeline(facts: ProjectFacts, ci: CiFacts, question: Question, found: tuple[Run, ...]) -> Iterator[Check]:
    jobs = publishing_jobs(facts) or _named(ci, question)
    if not jobs:
        yield _no_job(ci, found)
        return
    paths = [_path(facts, ci, job, found, question) for job in jobs]
    running = [path for path in paths if path[0].verdict is Verdict.PASS]
    # Of jobs that start by themselves each must get through: one that fails fails the pipeline. Where none does so, the
    # one that comes furthest tells.
    for path in running or [min(paths, key=_gravity)]:
        yield from path
    yield from registry_off(facts, question.indexes)
    if question.rule is not None and question.rule.pipeline.play:
        yield _hygiene(facts, question)  # the bot plays a job only once all gates are passed


def _named(ci: CiFacts, question: Question) -> tuple[CiJob, ...]:
    """The jobs that policy says publish, where no job is seen to."""
    pattern = None if question.rule is None else question.rule.pipeline.job
    return () if pattern is None else tuple(job for job in ci.jobs if matches(pattern, job.name))


def _no_job(ci: CiFacts, found: tuple[Run, ...]) -> Check:
    """No job is seen to upload. What the project's own scripts and tools do, nobody sees here."""
    name = "publishing job"
    remedy = "Add a job that runs `twine upload`, or let the bot upload (source: artifacts)"
    if not ci.whole:
        return Check(
            name=name, verdict=Verdict.UNKNOWN, reason="no job uploads distributions that can be seen", remedy=remedy
        )
    running = [job for job in ci.jobs if any(run.words(job) != {NEVER} for run in found)]
    for job in sorted(running, key=lambda one: not _speaks_of_it(one)):
        hidden = "another pipeline" if job.trigger else opaque(job)
        if hidden:
            reason = f"no job is seen to upload, but job {job.name} runs {hidden}, which may"
            remedy = "Run `twine upload` in the job itself, or name the job in policy (`pipeline.job`)"
            return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=remedy)
    return Check(name=name, verdict=Verdict.FAIL, reason="no job uploads distributions", remedy=remedy)


def _speaks_of_it(job: CiJob) -> bool:
    return any(word in f"{job.name} {job.stage}".lower() for word in ("publish", "release", "upload", "deploy", "pypi"))


def _gravity(path: tuple[Check, ...]) -> tuple[bool, int, int]:
    failed = sum(check.verdict is Verdict.FAIL for check in path)
    unknown = sum(check.verdict is Verdict.UNKNOWN for check in path)
    return failed > 0, unknown, -len(path)


def _path(
    facts: ProjectFacts, ci: CiFacts, job: CiJob, found: tuple[Run, ...], question: Question
) -> tuple[Check, ...]:
    played = question.rule is not None and question.rule.pipeline.play
    run = agreed("publishing job", [starting(job, one, played=played) for one in found])
    if run.verdict is Verdict.FAIL:
        return (run,)
    given = [credential(facts, ci, job, one.pipeline, question.gitlab) for one in found]
    checks = [Check(name="credential", verdict=one.verdict, reason=one.reason, remedy=one.remedy) for one in given]
    return (run, *_doubts(ci, job, found), agreed("credential", checks))


def _doubts(ci: CiFacts, job: CiJob, found: tuple[Run, ...]) -> Iterator[Check]:
    """What of a job that runs may keep it from uploading anything."""
    uploads = sent(job)
    if uploads and not any(one.certain for one in uploads):
        line = uploads[0].command.line
        where = "" if line is None else f" (line {line})"
        reason = f"whether job {job.name} comes to its upload{where}, its script decides when it runs"
        yield Check(name="upload", verdict=Verdict.UNKNOWN, reason=reason, remedy="Say it with `rules` of the job")
    given = any(run.words(other) != {NEVER} for run in found for other in takes_from(ci, job))
    if ci.whole and job.publisher == "twine" and makes_nothing(job) and not given:
        reason = f"job {job.name} builds nothing, and is given no artifacts by a job that runs for the tag"
        remedy = "Let the job that builds keep dist/ (`artifacts: {paths: [dist/]}`), or build in this one"
        yield Check(name="upload", verdict=Verdict.UNKNOWN, reason=reason, remedy=remedy)


def _by_bot(facts: ProjectFacts, question: Question) -> Iterator[Check]:
    yield _hygiene(facts, question)
    off = {check.name: check for check in registry_off(facts, question.indexes)}
    for spec in question.indexes:
        if f"index {spec.name}" in off:
            yield off[f"index {spec.name}"]
            continue
        account = "the bot uploads there with " + ("its own token" if spec.username is None else "credentials it keeps")
        yield Check(
            name=f"index {spec.name}",
            verdict=Verdict.PASS,
            reason=f"{account}; `ropewalk doctor` tells whether it answers",
        )


def _build(ci: CiFacts, found: tuple[Run, ...]) -> Check:
    made = [agreed("build job", [starting(job, run) for run in found]) for job in ci.jobs if job.artifacts]
    for verdict in (Verdict.PASS, Verdict.UNKNOWN):
        for check in made:
            if check.verdict is verdict:
                return Check(name="build job", verdict=verdict, reason=check.reason, remedy=check.remedy)
    remedy = "Let a job of the tag's pipeline keep dist/ as artifacts"
    if not ci.whole:
        return Check(name="build job", verdict=Verdict.UNKNOWN, reason="jobs may be hidden", remedy=remedy)
    reason = made[0].reason if made else "no job keeps artifacts"
    return Check(name="build job", verdict=Verdict.FAIL, reason=reason, remedy=remedy)


def _hygiene(facts: ProjectFacts, question: Question) -> Check:
    """What the release's own gate would say of the variables."""
    block_at = question.block_at
    weak = [
        flags
        for flags in facts.variables.flags
        if (found := publishing_severity(facts, flags.key)) is not None
        and (block_at is not None and found >= block_at)
        and not (flags.masked and flags.protected)
    ]
    if weak:
        reason = f"{called(weak[0])} is not masked and protected: the hygiene gate blocks the release"
        return Check(name="hygiene", verdict=Verdict.FAIL, reason=reason, remedy="`ropewalk fix variables` plans it")
    if facts.unread is not None:
        reason = f"could not look at {facts.unread.what}"
        return Check(name="hygiene", verdict=Verdict.UNKNOWN, reason=reason, remedy=facts.unread.remedy)
    hidden = facts.variables.unreadable
    if hidden and question.block_unknown:
        words = ", ".join(level.words for level in hidden)
        reason = f"not readable with this token: {words}; the hygiene gate blocks the release"
        remedy = "Give the token a role that reads them, or set hygiene.unknown: warn"
        return Check(name="hygiene", verdict=Verdict.FAIL, reason=reason, remedy=remedy)
    return Check(name="hygiene", verdict=Verdict.PASS, reason="no publishing variable stands in the way")
