"""Repair of variables: flags only, and none that would leave a publishing job without its token.

What is planned is simulated on every project that may get the variable: if a publishing job would have it before and
not after, the change is refused with the reason, and so it is where that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.estate import Access, ProjectSettings, ProtectedTags, Unread
from bot.domain.gitlab import VariableFlags
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.handing import Got, Job
from bot.hygiene.judging import called
from bot.hygiene.protection import branch_rules, unprotected_tags
from bot.hygiene.publishing import is_credential, named_severity, publishing_jobs
from bot.hygiene.reach import Pipeline
from bot.hygiene.starting import NEVER, starts
from bot.hygiene.wildcards import matches


class Step(StrEnum):
    """What is to be done about a variable."""

    SET = "set"
    REFUSED = "refused"
    RECIPE = "recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One variable. `flags` are those to switch on; `reason` says why a change is refused or what a person must do."""

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
    if not flags.masked:
        yield Change(step=Step.SET, variable=flags, project_id=place.project_id, flags=("masked",))
    if not flags.protected:
        why = breaks(flags, _affected(place, projects))
        if why:
            yield Change(
                step=Step.REFUSED, variable=flags, project_id=place.project_id, flags=("protected",), reason=why
            )
        else:
            yield Change(step=Step.SET, variable=flags, project_id=place.project_id, flags=("protected",))
    if is_credential(place, flags.key) and flags.hidden is False:
        yield Change(step=Step.RECIPE, variable=flags, project_id=place.project_id, reason=_recipe(flags))


def _affected(place: ProjectFacts, projects: Sequence[ProjectFacts]) -> Iterable[ProjectFacts]:
    if place.level is Level.PROJECT:
        return (place,)
    return (facts for facts in projects if facts.full_path.startswith(f"{place.full_path}/"))


def _recipe(flags: VariableFlags) -> str:
    return (
        f"GitLab hides a variable only when it is made. 1. Make a fresh token where {called(flags)} comes from. "
        f"2. Delete the variable. 3. Create {flags.key} anew as `Masked and hidden`, "
        f"{'protected, ' if flags.protected else ''}with scope {flags.environment_scope} and the fresh token. "
        "4. Revoke the old token."
    )


def breaks(flags: VariableFlags, projects: Iterable[ProjectFacts]) -> str:
    """Why protecting a variable would leave a publishing job without it; empty if it would not."""
    for facts in projects:
        why = _breaks(flags, facts)
        if why:
            return f"{facts.full_path}: {why}"
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
    jobs = [job for job in publishing_jobs(facts) if _concerns(flags, job, facts.ci)]
    if not jobs:
        return ""
    access = facts.access
    if access is None or isinstance(access.tags, Unread) or isinstance(access.branches, Unread):
        return "its protected tags and branches cannot be read, so nobody knows what would break"
    if isinstance(access.settings, Unread):
        return "its settings cannot be read, so nobody knows what would break"
    for job in jobs:
        for pipeline in (*_tags(facts, access.tags, access.settings), *_branches(access, access.settings)):
            why = _emptied(flags, facts, facts.ci, job, pipeline)
            if why:
                return why
    return ""


def _concerns(flags: VariableFlags, job: CiJob, ci: CiFacts) -> bool:
    names = {*job.uses, *ci.variables, *job.variables}
    return flags.key.startswith("TWINE_") or flags.key in names


def _tags(facts: ProjectFacts, rules: tuple[ProtectedTags, ...], settings: ProjectSettings) -> Iterator[Pipeline]:
    """A tag of each release pattern: one that no rule protects if there is such a one."""
    loose = set(unprotected_tags(facts.release_tags, rules))
    for pattern in facts.release_tags:
        ref = pattern.replace("*", "9999.0.0", 1).replace("*", "")
        protected = pattern not in loose and any(matches(rule.pattern, ref) for rule in rules)
        branch = settings.default_branch or "main"
        yield Pipeline(source="push", ref=ref, tag=True, protected=protected, default_branch=branch)


def _branches(access: Access, settings: ProjectSettings) -> Iterator[Pipeline]:
    """The default branch: some publish from there."""
    branch = settings.default_branch
    if branch is not None and not isinstance(access.branches, Unread):
        protected = bool(branch_rules(branch, access.branches))
        yield Pipeline(source="push", ref=branch, protected=protected, default_branch=branch)


def _emptied(flags: VariableFlags, facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> str:
    if starts(facts, ci, job, pipeline) == {NEVER}:
        return ""
    before = Job(facts=facts, ci=ci, job=job, pipeline=pipeline).variable(flags.key)
    changed = tuple(replace(one, protected=True) if one == flags else one for one in facts.variables.flags)
    after_facts = replace(facts, variables=replace(facts.variables, flags=changed))
    after = Job(facts=after_facts, ci=ci, job=job, pipeline=pipeline).variable(flags.key)
    if before.got is not Got.YES or after.got is Got.YES:
        return ""
    kind = "tag" if pipeline.tag else "branch"
    return f"job {job.name} publishes from {kind} {pipeline.ref}, which is not protected, and would find it empty"
