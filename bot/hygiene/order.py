"""What stands before a job in a pipeline: stages, `needs`, and manual jobs that hold up all that follows.

Every job is taken to succeed that starts at all: whether it does is not for the CI file to say.

Source: gitlabhq, app/services/ci/process_build_service.rb, lib/gitlab/ci/status/composite.rb and yaml_processor.rb.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from bot.domain.ci import CiFacts, CiJob
from bot.hygiene.starting import NEVER, Begin

PRE, POST = ".pre", ".post"
_USUAL = ("build", "test", "deploy")
_PARALLEL = re.compile(r"(.+?)(?: \d+/\d+|: \[.*\])")  # one of several made from a job. Source: config/normalizer
_SHOWN = 5  # jobs of a circle
_INPUT = "$[["  # filled in when the pipeline is made

RUNS, OFFERED, HELD, WAITS, SKIPPED, ABSENT = "runs", "offered", "held", "waits", "skipped", "absent"
"""What may become of a job: `offered` is a manual one that holds up nothing, `held` one that does, `waits` stands
behind such a one for ever, `skipped` is passed over, `absent` not in the pipeline."""

EMPTY = "it would have no job"
_BLOCKS, _PASSED_OVER = frozenset({HELD, WAITS}), frozenset({SKIPPED, OFFERED})
_Node: TypeAlias = "str | int"
Ways: TypeAlias = Mapping[str, frozenset[Begin]]
"""How each job starts, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """All that may become of a job, and in `why` what keeps it from starting, where something may: a clause."""

    may: frozenset[str]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What is before a job: whether that may or must hold it up or have it passed over, and by whom."""

    may_hold: str = ""
    must_hold: bool = False
    may_skip: str = ""
    must_skip: bool = False


def stages(ci: CiFacts) -> tuple[str, ...]:
    """The stages in order, GitLab's own included."""
    named = _USUAL if ci.stages is None else ci.stages
    return (PRE, *(stage for stage in dict.fromkeys(named) if stage not in (PRE, POST)), POST)


def faults(ci: CiFacts) -> Iterator[str]:
    """Why GitLab would refuse the file, each a clause; only what a whole file shows."""
    known, order = {job.name: job for job in ci.jobs}, stages(ci)
    place = {stage: number for number, stage in enumerate(order)}
    for job in ci.jobs:
        if job.stage in place:
            yield from _misplaced(job, known, place)
        elif _INPUT not in job.stage:
            named = ", ".join(order[1:-1])
            yield f"job {job.name} is in the stage {job.stage}, and there is none of that name, only {named}"
    try:
        TopologicalSorter({job.name: _needed(job) for job in ci.jobs}).prepare()
    except CycleError as error:
        yield f"jobs need each other in a circle: {' → '.join(map(str, error.args[1][:_SHOWN]))}"


def _misplaced(job: CiJob, known: Mapping[str, CiJob], place: Mapping[str, int]) -> Iterator[str]:
    for name in (*_needed(job), *(job.dependencies or ())):
        earlier = _named(name, known)
        if earlier is not None:
            if place.get(earlier.stage, 0) > place[job.stage]:
                yield f"job {job.name} needs job {name}, which is in a later stage"
        elif _INPUT not in name and name not in job.optional_needs:
            yield f"job {job.name} needs job {name}, and there is none of that name"


def missing(ci: CiFacts, ways: Ways) -> tuple[str, bool]:
    """Why GitLab would make no pipeline, given how each job starts, and whether that is certain; empty if it would."""
    known = {job.name: job for job in ci.jobs}
    never = Begin(NEVER)
    maybe = ""
    for job in ci.jobs:
        for name in _needed(job):
            need = _named(name, known)
            if need is None or name in job.optional_needs or never not in ways[need.name] or ways[job.name] == {never}:
                continue
            why = f"job {job.name} needs job {name}, which is not in it"
            if ways[need.name] == {never} and never not in ways[job.name]:
                return why, True
            maybe = maybe or why
    order = stages(ci)
    if all(ways[job.name] == {never} or job.stage in (order[0], order[-1]) for job in ci.jobs):
        return EMPTY, True
    return maybe, False


def fates(ci: CiFacts, ways: Ways) -> dict[str, Fate]:
    """What may become of each job, by name, given how each starts.

    Empty for a file that GitLab refuses.
    """
    order, known = stages(ci), {job.name: job for job in ci.jobs}
    place = {stage: number for number, stage in enumerate(order)}
    graph: dict[_Node, set[_Node]] = {number: {number - 1} for number in range(1, len(order) + 1)}
    for job in ci.jobs:
        if job.stage not in place:
            return {}
        graph.setdefault(place[job.stage] + 1, set()).add(job.name)
        graph[job.name] = {place[job.stage]} if job.needs is None else {one.name for one in _needs(job, known)}
    found: dict[str, Fate] = {}
    until: dict[int, _Before] = {0: _Before()}
    try:
        for node in TopologicalSorter(graph).static_order():
            if isinstance(node, int):
                if node:
                    here = [job for job in ci.jobs if place[job.stage] == node - 1]
                    until[node] = _with(until[node - 1], here, found)
            elif known[node].needs is None:
                found[node] = _fate(ways[node], until[place[known[node].stage]], dag=False)
            else:
                before = _with(_Before(), _needs(known[node], known), found)
                found[node] = _fate(ways[node], before, dag=True)
    except CycleError:
        return {}
    return found


def _needs(job: CiJob, known: Mapping[str, CiJob]) -> list[CiJob]:
    found = (_named(name, known) for name in _needed(job))
    return [one for one in found if one is not None]


def _needed(job: CiJob) -> tuple[str, ...]:
    return job.needs or ()


def _named(name: str, known: Mapping[str, CiJob]) -> CiJob | None:
    parallel = _PARALLEL.fullmatch(name)
    return known.get(name) or (known.get(parallel[1]) if parallel else None)


def _with(before: _Before, jobs: Iterable[CiJob], found: Mapping[str, Fate]) -> _Before:
    """The same with these jobs as well."""
    may_hold, must_hold, may_skip, must_skip = before.may_hold, before.must_hold, before.may_skip, before.must_skip
    for job in jobs:
        may = found[job.name].may
        if may & _BLOCKS and (not may_hold or (may <= _BLOCKS and not must_hold)):
            may_hold = found[job.name].why or f"job {job.name} stands before it and waits for a person"
        if may & _PASSED_OVER and (not may_skip or (may <= _PASSED_OVER and not must_skip)):
            may_skip = f"it needs job {job.name}, which does not run by itself"
        must_hold = must_hold or may <= _BLOCKS
        must_skip = must_skip or may <= _PASSED_OVER
    return _Before(may_hold=may_hold, must_hold=must_hold, may_skip=may_skip, must_skip=must_skip)


def _fate(ways: frozenset[Begin], before: _Before, *, dag: bool) -> Fate:
    """In a stage, jobs that are passed over hold up nothing; by `needs` they have the job passed over."""
    skip, must_skip = (before.may_skip, before.must_skip) if dag else ("", False)
    may: set[str] = set()
    why = ""
    for begin in ways:
        if begin.when == NEVER:
            may.add(ABSENT)
            continue
        skippable = skip if begin.when != "always" else ""
        if skippable:
            may.add(SKIPPED)
        if skippable and must_skip:
            why = skip
            continue
        if before.may_hold:
            may.add(WAITS)
        why = skippable or before.may_hold or why
        if not before.must_hold:
            may.add(_own(begin))
    return Fate(may=frozenset(may), why=why)


def _own(begin: Begin) -> str:
    """What becomes of a job whose turn has come."""
    if begin.when == "on_failure":
        return SKIPPED
    if begin.when != "manual":
        return RUNS
    return OFFERED if begin.optional else HELD
