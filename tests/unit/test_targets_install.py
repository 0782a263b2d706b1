"""The install check of a release: which wheel is tried, when, and what it holds up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.releases import Attempt, AttemptOutcome, ReleaseState, TargetState
from bot.ports.index import Gathered
from bot.release.actions import InstallCheck, Upload
from bot.release.facts import Facts, Look, LookKind, Seen, Wanted
from bot.release.plan import Act, Rest, plan, prove
from bot.release.targets import Assessment, install
from tests.unit.release_facts import (
    NOON,
    PUBLIC,
    REGISTRY,
    SDIST,
    WHEEL,
    attempt,
    changes,
    distribution,
    good_facts,
    index,
    listed,
    wanted,
)
from tests.unit.simulated_world import TEXTS, World, drive, dry_run

WINDOWS = "acme_widget-1.1.0-cp311-cp311-win_amd64.whl"
CHECK = InstallCheck(index="registry", filename=WHEEL, name="acme-widget", version="1.1.0")


def asked() -> Wanted:
    plain = wanted()
    return replace(plain, rule=replace(plain.rule, install_check=True), tags=frozenset({"py3-none-any"}))


def having(*filenames: str, tries: tuple[Attempt, ...] = ()) -> Facts:
    """The files, all of them on the registry."""
    files = tuple(map(distribution, filenames))
    indexes = {"registry": Seen(index(REGISTRY, *map(listed, filenames))), "public": Seen(index(PUBLIC))}
    return replace(good_facts(), files=Seen(Gathered(files=files)), indexes=indexes, attempts=tries)


def tried(outcome: AttemptOutcome, *, again: bool = True) -> tuple[Attempt, ...]:
    return (attempt(outcome, target="install:registry", item=WHEEL, again=again, reason="pip says no"),)


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        (having(WHEEL, SDIST), TargetState.PENDING, f"to do: {CHECK.words}"),
        (having(SDIST), TargetState.SKIPPED, "it has no wheel, and nothing is built for this"),
        (having(WINDOWS, SDIST), TargetState.SKIPPED, "no wheel of it fits the bot's own Python"),
        (having(WINDOWS, WHEEL), TargetState.PENDING, f"to do: {CHECK.words}"),
        (having(WHEEL, tries=tried(AttemptOutcome.ACCEPTED)), TargetState.DONE, f"pip installed {WHEEL}"),
        (having(WHEEL, tries=tried(AttemptOutcome.REFUSED, again=False)), TargetState.FAILED, f"{WHEEL}: pip says no"),
        (having(WHEEL, tries=tried(AttemptOutcome.UNCLEAR)), TargetState.PENDING, "pip says no"),
    ],
)
def test_one_wheel_that_fits_is_tried_until_it_installs(facts: Facts, state: TargetState, reason: str) -> None:
    said = install.assess(asked(), facts, "registry")
    assert isinstance(said, Assessment)
    assert (said.status.name, said.status.state, said.status.reason) == ("install:registry", state, reason)


def test_it_needs_the_files_first() -> None:
    assert install.assess(asked(), replace(good_facts(), files=None), "registry") == Look(LookKind.FILES)


def test_the_next_index_gets_nothing_before_a_wheel_installed_from_the_first() -> None:
    drawn = plan(asked(), having(WHEEL, SDIST), TEXTS)
    assert drawn.step == Act((CHECK,))
    after = plan(asked(), having(WHEEL, SDIST, tries=tried(AttemptOutcome.ACCEPTED)), TEXTS)
    assert isinstance(after.step, Act)
    assert after.step.actions[0] == Upload(index="public", filename=WHEEL)


def test_a_wheel_that_does_not_install_stops_the_release_half_way() -> None:
    facts = replace(
        having(WHEEL, SDIST, tries=(*tried(AttemptOutcome.REFUSED, again=False), attempt(AttemptOutcome.ACCEPTED))),
        changes=Seen(changes()),
    )
    drawn = plan(asked(), facts, TEXTS)
    assert (drawn.state, drawn.step) == (ReleaseState.PARTIAL, Rest())
    assert f"install:registry: {WHEEL}: pip says no" in (drawn.next or "")
    pending = {target.name: target.state for target in drawn.targets}
    assert pending["index:public"] is TargetState.PENDING


def test_a_whole_release_installs_once_from_each_index() -> None:
    world = World(
        files=(distribution(WHEEL), distribution(SDIST)), indexes={"registry": {}, "public": {}}, notes={1: []}
    )
    foreseen = dry_run(world, asked())
    drive(world, asked())
    done = [action.words for action in world.writes]
    assert done[2] == CHECK.words
    assert done[5] == CHECK.words.replace("registry", "public")
    assert isinstance(foreseen.step, Act)
    assert [action.words for action in foreseen.step.actions] == done
    before = len(world.writes)
    assert drive(world, asked()).state is ReleaseState.PUBLISHED
    assert len(world.writes) == before


def test_a_proof_looks_and_does_not_install() -> None:
    drawn = prove(asked(), having(WHEEL, SDIST), TEXTS)
    assert "install:registry" not in {target.name for target in drawn.targets}


def test_a_resume_tries_again_what_failed() -> None:
    facts = having(WHEEL, tries=tried(AttemptOutcome.REFUSED, again=False))
    said = install.assess(
        replace(asked(), asked=NOON.replace(hour=13)), replace(facts, now=NOON.replace(hour=13)), "registry"
    )
    assert isinstance(said, Assessment)
    assert said.actions == (CHECK,)
