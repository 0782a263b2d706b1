"""Repair of variables: flags only, and none that would leave a publishing job without its token.

What is planned is simulated on every project that may get the variable: if a publishing job would have it before and
not after, the change is refused with the reason, and so it is where that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.gitlab import VariableFlags
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.handing import Got, Job
from bot.hygiene.judging import called
from bot.hygiene.publishing import is_credential, named_severity, publishing_jobs
from bot.hygiene.reach import Pipeline
from bot.hygiene.unguarded import (
    Rules,
    any_refs,
    default_branch,
    named_refs,
    release_tags,
    rules_of,
    runs,
    takes_every_tag,
)
from bot.hygiene.uploading import concerns


class Step(StrEnum):
    """What is to be done about a variable."""

    SET = "set"
    REFUSED = "refused"
    RECIPE = "recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One variable. `flags` are those to switch on; `reason` says why a change is refused, what a person must do, or
    what the change cuts off on purpose.
    """

    step: Step
    variable: VariableFlags
    project_id: int
    flags: tuple[str, ...] = ()
    reason: str = ""


def repairs(places: Sequence[ProjectFacts], within: str | None) -> tuple[Change, ...]:
    """What would put right the publishing variables of these places.

    `within` is the full path of a group whose own and subgroups' variables are meant too; None for projects alone.
    """
    projects = [facts for facts in places if facts.level is Level.PROJECT]
    found: list[Change] = []
    for facts in places:
        if facts.level is Level.PROJECT or _within(facts, within):
            for flags in facts.own:
                found += _changes(flags, facts, projects)
    return tuple(found)


def _within(facts: ProjectFacts, group: str | None) -> bool:
    path = facts.full_path
    return facts.level is Level.GROUP and group is not None and (path == group or path.startswith(f"{group}/"))


def _changes(flags: VariableFlags, place: ProjectFacts, projects: Sequence[ProjectFacts]) -> Iterator[Change]:
    if named_severity(place, flags.key) is None:
        return
    protected = flags.protected
    if not flags.masked:
        yield Change(step=Step.SET, variable=flags, project_id=place.project_id, flags=("masked",))
    if not flags.protected:
        why = breaks(flags, _affected(place, projects))
        if why:
            yield Change(
                step=Step.REFUSED, variable=flags, project_id=place.project_id, flags=("protected",), reason=why
            )
        else:
            protected = True
            reason = cut_off(flags, _affected(place, projects))
            yield Change(
                step=Step.SET, variable=flags, project_id=place.project_id, flags=("protected",), reason=reason
            )
    if is_credential(place, flags.key) and flags.hidden is False:
        yield Change(
            step=Step.RECIPE, variable=flags, project_id=place.project_id, reason=_recipe(flags, protected=protected)
        )


def _affected(place: ProjectFacts, projects: Sequence[ProjectFacts]) -> Iterable[ProjectFacts]:
    if place.level is Level.PROJECT:
        return (place,)
    return (facts for facts in projects if facts.full_path.startswith(f"{place.full_path}/"))


def _recipe(flags: VariableFlags, *, protected: bool) -> str:
    return (
        f"GitLab hides a variable only when it is made. 1. Make a fresh token where {called(flags)} comes from. "
        f"2. Delete the variable. 3. Create {flags.key} anew as `Masked and hidden`, "
        f"{'protected, ' if protected else ''}with scope {flags.environment_scope} and the fresh token. "
        "4. Revoke the old token."
    )


def breaks(flags: VariableFlags, projects: Iterable[ProjectFacts]) -> str:
    """Why protecting a variable would leave a publishing job without it; empty if it would not."""
    for facts in projects:
        why = _breaks(flags, facts)
        if why:
            return f"{facts.full_path}: {why}"
    return ""


def cut_off(flags: VariableFlags, projects: Iterable[ProjectFacts]) -> str:
    """Which tags beyond those that policy releases would not get a variable any more, once protected; else empty.

    Whoever can push has such a tag published: to stop that is what protecting is for, so it is told and not refused.
    """
    for facts in projects:
        rules = rules_of(facts.access) if facts.access is not None else None
        if rules is None or not isinstance(facts.ci, CiFacts):
            continue
        for job in publishing_jobs(facts):
            for pipeline in any_refs(rules):
                taken = concerns(flags.key, job, facts.ci) and runs(facts, facts.ci, job, pipeline)
                if taken and _emptied(flags, facts, facts.ci, job, pipeline):
                    tags = ", ".join(facts.release_tags) or "policy's"
                    return f"{facts.full_path}: job {job.name} runs for any tag; those beyond {tags} will not get it"
    return ""


def _breaks(flags: VariableFlags, facts: ProjectFacts) -> str:
    if facts.unread is not None:
        return f"could not look at {facts.unread.what}, so nobody knows what would break"
    if isinstance(facts.ci, CiUnknown):
        return f"its CI file cannot be read ({facts.ci.reason}), so nobody knows what would break"
    if facts.ci is None:
        return ""
    if not facts.ci.whole:
        return "its CI file hides jobs that nobody could resolve"
    jobs = [job for job in publishing_jobs(facts) if concerns(flags.key, job, facts.ci)]
    if not jobs:
        return ""
    if facts.access is None:
        return "its protected tags and branches cannot be read, so nobody knows what would break"
    rules = rules_of(facts.access)
    if rules is None:
        return "its protected tags, branches or settings cannot be read, so nobody knows what would break"
    return next((why for job in jobs if (why := _emptied_by(flags, facts, facts.ci, job, rules))), "")


def _emptied_by(flags: VariableFlags, facts: ProjectFacts, ci: CiFacts, job: CiJob, rules: Rules) -> str:
    """Why a job would find the variable empty; empty if it would not. What is certain is told before what may be."""
    for pipeline in (*release_tags(facts, rules), *default_branch(rules), *named_refs(ci, job, rules)):
        if runs(facts, ci, job, pipeline) and _emptied(flags, facts, ci, job, pipeline):
            kind = "tag" if pipeline.tag else "branch"
            return (
                f"job {job.name} publishes from {kind} {pipeline.ref}, which is not protected, and would find it empty"
            )
    for pipeline in any_refs(rules):
        if takes_every_tag(facts, ci, job, pipeline, rules):
            continue
        if runs(facts, ci, job, pipeline) and _emptied(flags, facts, ci, job, pipeline):
            kind = "tags" if pipeline.tag else "merge requests" if pipeline.for_merge_request else "branches"
            return (
                f"job {job.name} may run for {kind} that no rule protects, and would find it empty there: "
                "protect those, or let its rules ask for $CI_COMMIT_REF_PROTECTED"
            )
    return ""


def _emptied(flags: VariableFlags, facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> bool:
    """Whether the job may have the variable there before the change, and has it no more for certain after it."""
    before = Job(facts=facts, ci=ci, job=job, pipeline=pipeline).variable(flags.key)
    changed = tuple(replace(one, protected=True) if one == flags else one for one in facts.variables.flags)
    after_facts = replace(facts, variables=replace(facts.variables, flags=changed))
    after = Job(facts=after_facts, ci=ci, job=job, pipeline=pipeline).variable(flags.key)
    return before.got is not Got.NO and after.got is not Got.YES and after != before
