"""What `fix variables` plans, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.estate import Access, ProjectFacts, ProtectedBranches, ProtectedTags
from bot.domain.gitlab import Level
from bot.hygiene.facts import Unread
from bot.hygiene.repair import Change, Step, repairs
from tests.unit.hygiene_facts import BROKEN, LOCKED, TAGS, access, ci, job, place, variable

LOOSE = variable(protected=False)
PUBLISH = replace(job(), only=("tags",))
FROM_MAIN = replace(job(), only=("main",))


def steps(*places: ProjectFacts, within: str | None = None) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.step.value, one.variable.key, one.flags) for one in repairs(places, within)]


def refusal(*places: ProjectFacts, within: str | None = None) -> str:
    (found,) = repairs(places, within)
    assert isinstance(found, Change)
    assert found.step is Step.REFUSED
    return found.reason


def test_what_is_kept_well_is_left_alone() -> None:
    """No change; and none for plain settings or for secrets that do not publish."""
    assert steps(place(variable(), variable("TWINE_CERT", masked=False), variable("AWS_SECRET", masked=False))) == []


def test_missing_flags_are_planned_and_hiding_is_a_recipe() -> None:
    """One change for each flag, so that one that GitLab refuses does not hold up the other."""
    found = steps(place(variable(masked=False, protected=False, hidden=False), access=access()))
    assert found == [
        ("set", "TWINE_PASSWORD", ("masked",)),
        ("set", "TWINE_PASSWORD", ("protected",)),
        ("recipe", "TWINE_PASSWORD", ()),
    ]


@pytest.mark.parametrize(("tags", "keeps"), [(TAGS, True), ((), False)])
def test_the_recipe_keeps_what_is_about_to_be_protected(tags: tuple[ProtectedTags, ...], keeps: bool) -> None:
    """Whoever follows it after --apply must not make the variable anew without the flag; nor with one refused."""
    found = repairs([place(replace(LOOSE, hidden=False), ci=ci(PUBLISH), access=access(tags=tags))], None)
    (recipe,) = (one for one in found if one.step is Step.RECIPE)
    assert ("protected, " in recipe.reason) is keeps


@pytest.mark.parametrize("tags", [(), (ProtectedTags(pattern="v1*", create=(40,)),)])
def test_protecting_is_refused_where_the_release_tag_is_not_protected(tags: tuple[ProtectedTags, ...]) -> None:
    """The job would find it empty; the reason names job and tag. A pattern that covers a part is not enough."""
    why = refusal(place(LOOSE, ci=ci(PUBLISH), access=access(tags=tags)))
    assert "job publish" in why
    assert "would find it empty" in why
    assert steps(place(LOOSE, ci=ci(PUBLISH), access=access(tags=TAGS))) == [("set", "TWINE_PASSWORD", ("protected",))]


def test_protecting_is_refused_where_the_publishing_branch_is_not_protected() -> None:
    """A job that publishes from the default branch needs that branch protected."""
    loose = (ProtectedBranches(pattern="release", push=(40,), merge=(40,), force_push=False),)
    assert "branch main" in refusal(place(LOOSE, ci=ci(FROM_MAIN), access=access(branches=loose)))
    assert steps(place(LOOSE, ci=ci(FROM_MAIN), access=access()))


@pytest.mark.parametrize("known", [access(tags=LOCKED), access(branches=LOCKED), access(settings=LOCKED), None])
def test_what_cannot_be_simulated_is_refused(known: Access | None) -> None:
    """Nobody knows what would break."""
    assert "nobody knows" in refusal(place(LOOSE, ci=ci(PUBLISH), access=known))
    assert "nobody knows" in refusal(place(LOOSE, ci=BROKEN, access=access()))


def test_a_variable_that_reaches_no_publishing_job_may_be_protected() -> None:
    """Another scope, or no such job: nothing can break."""
    other = variable(protected=False, scope="production")
    assert steps(place(other, ci=ci(PUBLISH), access=access(tags=())))
    assert steps(place(LOOSE, ci=ci(replace(PUBLISH, publishes=False)), access=access(tags=())))
    assert steps(place(LOOSE, access=access(tags=())))


def test_a_groups_variable_is_tried_on_every_project_below() -> None:
    """One that would break is enough to refuse, by its name; ancestors of the target are left alone."""
    loose = variable(group="acme", protected=False)
    group = place(loose, level=Level.GROUP)
    good = replace(place(loose, ci=ci(PUBLISH), access=access()), full_path="acme/good")
    bad = replace(place(loose, ci=ci(PUBLISH), access=access(tags=())), full_path="acme/bad")
    assert steps(group, good, within="acme") == [("set", "TWINE_PASSWORD", ("protected",))]
    assert refusal(group, good, bad, within="acme").startswith("acme/bad: ")
    assert steps(group, good, within="acme/good") == []
    assert steps(group, good) == []


def test_unread_variables_of_a_project_below_are_a_reason_to_refuse() -> None:
    """They may shadow it, or not."""
    loose = variable(group="acme", protected=False)
    unread = Unread(what="variables of the project", remedy="")
    below = replace(place(loose, ci=ci(PUBLISH), access=access(), unread=unread), full_path="acme/p")
    assert "could not look" in refusal(place(loose, level=Level.GROUP), below, within="acme")
