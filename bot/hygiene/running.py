"""Whether a job of the tag's pipeline starts by itself: its rules, the file as a whole, what stands before the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiJob
from bot.domain.estate import Unread
from bot.domain.verdicts import Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.order import EMPTY, HELD, OFFERED, RUNS, SKIPPED, Fate, Ways, fates, faults, missing
from bot.hygiene.reach import Pipeline
from bot.hygiene.starting import NEVER, begins

MEND_CI = "Mend the CI file, then ask again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    verdict: Verdict
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A pipeline that the tag may have: how each job starts in it, and what becomes of that."""

    pipeline: Pipeline
    ways: Ways
    fates: Mapping[str, Fate]

    def words(self, job: CiJob) -> frozenset[str]:
        """GitLab's words for how a job starts, `never` for not at all."""
        return frozenset(begin.when for begin in self.ways[job.name])


def runs(facts: ProjectFacts, ci: CiFacts, tag: str, protected: bool | Unread) -> tuple[Run, ...]:
    """The pipeline of the tag; two of them where nobody knows whether it is protected."""
    access = facts.access
    settings = None if access is None or isinstance(access.settings, Unread) else access.settings
    branch = settings.default_branch if settings is not None and settings.default_branch else "main"
    found = []
    for one in (True, False) if isinstance(protected, Unread) else (protected,):
        pipeline = Pipeline(source="push", ref=tag, tag=True, protected=one, default_branch=branch)
        ways = {job.name: begins(facts, ci, job, pipeline) for job in ci.jobs}
        found.append(Run(pipeline=pipeline, ways=ways, fates=fates(ci, ways)))
    return tuple(found)


def file_check(ci: CiFacts) -> Check:
    """Whether the file shows all its jobs, and GitLab would take it."""
    name = "ci file"
    if not ci.whole and not ci.refused:
        reason = "its includes could not be resolved, so jobs may be hidden"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy="Developer may merge it: see CI Lint")
    wrong = ci.refused or next(faults(ci), "")
    if wrong:
        return Check(name=name, verdict=Verdict.FAIL, reason=f"GitLab refuses it: {wrong}", remedy=MEND_CI)
    count = len(ci.jobs)
    jobs = "one job, which is known" if count == 1 else f"{count} jobs, all of them known"
    return Check(name=name, verdict=Verdict.PASS, reason=jobs)


def pipeline_checks(ci: CiFacts, found: tuple[Run, ...]) -> Iterator[Check]:
    """What keeps GitLab from making the tag's pipeline at all; nothing if nothing does."""
    name = "pipeline"
    told = [missing(ci, run.ways) for run in found] if ci.whole else []
    why = next((why for why, _ in told if why), "")
    if why:
        sure = all(certain for _, certain in told)
        remedy = "Let both jobs run for the tag, or say `needs: optional`"
        if why == EMPTY:
            remedy = "Let a job's rules, and the workflow's, hold for tags: `if: $CI_COMMIT_TAG`"
        reason = f"GitLab {'makes' if sure else 'may make'} no pipeline for the tag: {why}"
        yield Check(name=name, verdict=Verdict.FAIL if sure else Verdict.UNKNOWN, reason=reason, remedy=remedy)


def agreed(name: str, checks: list[Check]) -> Check:
    """One check of what was asked for every possible pipeline: unknown where they differ."""
    if len({check.verdict for check in checks}) == 1:
        return checks[0]
    worse = next(check for check in checks if check.verdict is not Verdict.PASS)
    reason = f"if the tag is not protected: {worse.reason}"
    return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=worse.remedy)


def starting(job: CiJob, run: Run, *, played: bool = False) -> Check:
    """Whether a job starts by itself in that pipeline; with `played` the bot starts it where a person would."""
    name, words, tag = "publishing job", run.words(job), run.pipeline.ref
    good = {"on_success", "always", "delayed"}
    if not job.complete:
        reason = f"job {job.name} builds on what this file does not define"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy="Developer may merge it: see CI Lint")
    if words <= good:
        return _in_turn(job, run, {RUNS}, f"job {job.name} runs for tag {tag}")
    if played and words == {"manual"}:
        wanted = {OFFERED, HELD}
        return _in_turn(job, run, wanted, f"job {job.name} waits for a person for tag {tag}, and the bot plays it")
    if words & good:
        reason = f"whether job {job.name} runs for tag {tag} depends on what is known only then"
        return Check(
            name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy="Ask for $CI_COMMIT_TAG alone in its rules"
        )
    if words == {NEVER}:
        reason = f"job {job.name} does not run for tag {tag}"
        return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy="Let its rules hold: `if: $CI_COMMIT_TAG`")
    how = ", ".join(sorted(words - {NEVER}))
    reason = f"job {job.name} does not start by itself for tag {tag} (when: {how})"
    return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy="Play it after the tag, or drop `when`")


def _in_turn(job: CiJob, run: Run, wanted: set[str], good: str) -> Check:
    """The same for a job whose own rules let it start, by what stands before it."""
    name, fate = "publishing job", run.fates.get(job.name)
    if fate is None:
        reason = f"whether job {job.name} has its turn, the file does not show"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=MEND_CI)
    if fate.may <= wanted:
        return Check(name=name, verdict=Verdict.PASS, reason=good)
    sure = not fate.may & wanted
    how = ("is" if sure else "may be") + (" passed over" if SKIPPED in fate.may else " held up")
    reason = f"job {job.name} {how}: {fate.why}"
    remedy = "Let what stands before it run by itself, or make it optional (`allow_failure: true`, `needs: []`)"
    return Check(name=name, verdict=Verdict.FAIL if sure else Verdict.UNKNOWN, reason=reason, remedy=remedy)
