"""Who can read a credential, and by which chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.estate import ProjectFacts, ProtectedBranches, ProtectedTags, Schedule, Trigger
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Verdict
from bot.hygiene.exposure import Reader, exposures
from tests.unit.hygiene_facts import LOCKED, access, ci, job, place, variable

OPEN, LIMITED, UNKNOWN = Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN


def readers(facts: ProjectFacts) -> dict[str, Reader]:
    """Of the only variable: the gravest reader of each kind."""
    (found,) = exposures(facts)
    order = {LIMITED: 0, UNKNOWN: 1, OPEN: 2}
    return {one.kind: one for one in sorted(found.readers, key=lambda one: order[one.open])}


def project(flags: VariableFlags, **rows: object) -> ProjectFacts:
    return place(flags, ci=ci(job(), job("test", environment=None, publishes=False)), access=access(**rows))  # type: ignore[arg-type]  # passed on


def test_what_is_kept_as_it_should_be_is_read_by_the_publishing_job_alone() -> None:
    """Masked, protected, hidden, scoped: nothing is open."""
    found = readers(project(variable()))
    assert {kind: one.open for kind, one in found.items() if one.open is not LIMITED} == {}
    assert found["job"].who == "job publish"


def test_what_is_kept_badly_is_open_on_every_side() -> None:
    """Each side with the chain that leads there."""
    found = readers(project(variable(masked=False, protected=False, hidden=False, scope="*")))
    expected = {"job", "branches", "tags", "merge requests", "forks", "people", "logs"}
    assert {kind for kind, one in found.items() if one.open is OPEN} == expected
    assert "fork" in found["forks"].chain
    assert found["job"].who == "job test"
    assert "→" in found["branches"].chain


@pytest.mark.parametrize(
    ("rows", "kind", "verdict"),
    [
        ({"branches": (ProtectedBranches(pattern="*", push=(30,), merge=(30,), force_push=False),)}, "branches", OPEN),
        (
            {"branches": (ProtectedBranches(pattern="main", push=(0,), merge=(30,), force_push=False),)},
            "branches",
            LIMITED,
        ),
        ({"tags": (ProtectedTags(pattern="v*", create=(30,)),)}, "tags", OPEN),
        ({"schedules": (Schedule(id=1, ref="main", active=True),)}, "schedule", LIMITED),
        ({"triggers": (Trigger(id=1, description="", owner="ada"),)}, "trigger", OPEN),
        ({"branches": LOCKED}, "branches", UNKNOWN),
        ({"tags": LOCKED}, "tags", UNKNOWN),
        ({"triggers": LOCKED}, "trigger", UNKNOWN),
        ({"schedules": LOCKED}, "schedule", UNKNOWN),
    ],
)
def test_each_door_is_told_as_it_stands(rows: dict[str, object], kind: str, verdict: Verdict) -> None:
    """Open to Developers, limited to those who may anyway, or not to be seen."""
    assert readers(project(variable(), **rows))[kind].open is verdict


def test_a_schedule_of_an_unprotected_branch_gets_nothing_protected() -> None:
    """It is no reader at all; nor is one that is switched off."""
    for ref, active in (("work", True), ("main", False)):
        assert "schedule" not in readers(project(variable(), schedules=(Schedule(id=1, ref=ref, active=active),)))


def test_a_variable_is_asked_for_by_name_or_all_credentials_are_told() -> None:
    """Plain settings only when named; every scope and level of a name is a row of its own."""
    facts = place(variable(), variable(scope="*", group="acme"), variable("REGION"), access=access())
    assert [one.variable.environment_scope for one in exposures(facts)] == ["pypi", "*"]
    assert [one.variable.key for one in exposures(facts, "REGION")] == ["REGION"]
    assert exposures(facts, "NONE") == ()
    assert exposures(facts)[1].resource == "group/acme/variables/TWINE_PASSWORD"


GROUPS = variable(group="acme", scope="*", protected=False)


@pytest.mark.parametrize(
    ("nearer", "told"),
    [
        ((variable(scope="*", protected=False),), "nobody: shadowed by TWINE_PASSWORD of project"),
        (
            (variable(group="acme/tools", scope="*", protected=False),),
            "nobody: shadowed by TWINE_PASSWORD of group acme/t",
        ),
        (
            (variable(scope="*"),),
            "job publish: on unprotected refs only: elsewhere it is shadowed by TWINE_PASSWORD of p",
        ),
        ((variable(scope="pypi", protected=False),), "job publish: shadowed by TWINE_PASSWORD (scope pypi) of project"),
        ((variable(scope="other", protected=False),), "job publish: TWINE_PASSWORD has scope *"),
        ((variable("OTHER", scope="*", protected=False),), "job publish: TWINE_PASSWORD has scope *"),
    ],
)
def test_a_nearer_variable_is_what_a_job_gets(nearer: tuple[VariableFlags, ...], told: str) -> None:
    """Who is shadowed everywhere is read by no job and from no ref; the people who keep it read it all the same."""
    jobs = ci(job(), job("test", environment=None, publishes=False))
    found = exposures(place(GROUPS, *nearer, ci=jobs, access=access()))[0].readers
    said = [f"{one.who}: {one.chain}" for one in found if one.kind == "job"]
    who, _, what = told.partition(": ")
    assert any(one.startswith(who) and what in one for one in said), said
    kinds = {one.kind for one in found}
    assert kinds == {"job", "people"} if who == "nobody" else "branches" in kinds


def test_a_scope_wins_over_a_wider_one_of_the_same_level() -> None:
    wide, exact = variable(scope="*", protected=False), variable(scope="pypi", protected=False)
    readers_of = {
        one.variable.environment_scope: {reader.who: reader for reader in one.readers if reader.kind == "job"}
        for one in exposures(place(wide, exact, ci=ci(job(), job("pages", environment="$X")), access=access()))
    }
    assert "shadowed by TWINE_PASSWORD (scope pypi)" in readers_of["*"]["job publish"].chain
    assert "shadowed" not in readers_of["pypi"]["job publish"].chain
    assert "shadowed" not in readers_of["*"]["job pages"].chain  # which it gets is known only then


def test_what_an_environment_that_a_variable_names_gets_is_known_only_then() -> None:
    """Not that it fits; and for a job that needs none, not that it is open either."""
    jobs = ci(job(environment="$WHERE"), job("pages", environment="$WHERE", publishes=False))
    (found,) = exposures(place(variable(), ci=jobs, access=access()))
    said = {one.who: one for one in found.readers if one.kind == "job"}
    assert "$WHERE, is known only when it runs: it may get it" in said["job publish"].chain
    assert (said["job publish"].open, said["job pages"].open) == (LIMITED, UNKNOWN)
    (named,) = exposures(place(variable(), ci=replace(jobs, variables={"WHERE": "pypi"}), access=access()))
    assert {one.open for one in named.readers if one.who == "job pages"} == {OPEN}


def test_what_nobody_could_look_at_is_unknown() -> None:
    """Without the CI file and the rules, nothing is claimed to be closed."""
    (found,) = exposures(place(variable()))
    assert {one.open for one in found.readers} == {UNKNOWN}
