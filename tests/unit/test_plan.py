"""The planner, driven through simulated worlds until it rests."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.domain.gitlab import Note, ReleaseLink
from bot.domain.releases import AttemptOutcome, ReleaseState, TargetState
from bot.release.actions import CreateRelease, DescribeRelease, LinkRelease, Upload
from bot.release.plan import Act, Rest
from tests.bounds import examples
from tests.unit.release_facts import (
    NOON,
    SDIST,
    WHEEL,
    digest_of,
    distribution,
    release_of,
    wanted,
)
from tests.unit.simulated_world import TEXTS, Sending, Stored, World, drive, dry_run

# One example is many plans.
many_plans = settings(max_examples=60)
quick_plans = examples(30, 60)
SECOND_WHEEL = "acme_widget-1.1.0-cp311-cp311-linux_x86_64.whl"
INDEXES = ("registry", "public")
OTHER_BYTES = "ee" * 32
LONG_AGO = NOON - timedelta(days=1)
PASSING = [Sending.BUSY, Sending.LOSE, Sending.SWALLOW, Sending.PRETEND]
URL = "https://registry.example.com/"


def a_world(*filenames: str, iids: tuple[int, ...] = (1, 2)) -> World:
    """Nothing published yet."""
    files = tuple(map(distribution, filenames or (WHEEL, SDIST)))
    return World(files=files, indexes={name: {} for name in INDEXES}, notes={iid: [] for iid in iids})


@st.composite
def worlds(draw: st.DrawFn, conflict: bool = False, refusals: bool = False) -> World:
    """Files absent or identical on each index, uploads that go wrong a few times, Releases and notes by people."""
    names = draw(st.lists(st.sampled_from([WHEEL, SECOND_WHEEL, SDIST]), min_size=1, max_size=3, unique=True))
    world = a_world(*names, iids=tuple(draw(st.lists(st.integers(1, 9), max_size=3, unique=True))))
    places = [(name, file) for name in INDEXES for file in names]
    for name, file in places:
        if draw(st.integers(0, 3)) == 0:
            world.indexes[name][file] = Stored(digest_of(file), LONG_AGO, ours=False)
        else:
            world.sendings[name, file] = draw(st.lists(st.sampled_from(PASSING), max_size=3))
    if conflict:
        name, file = draw(st.sampled_from(places))
        world.indexes[name][file] = Stored(OTHER_BYTES, LONG_AGO, ours=False)
    if refusals:
        name, file = draw(st.sampled_from(places))
        world.indexes[name].pop(file, None)
        world.sendings[name, file] = [*draw(st.lists(st.just(Sending.BUSY), max_size=2)), Sending.REFUSE]
    world.delays = {"public": timedelta(seconds=draw(st.integers(0, 500)))}
    if draw(st.booleans()):
        links = (ReleaseLink(name=names[0], url=URL + names[0]),) if draw(st.booleans()) else ()
        world.release = release_of(description=draw(st.sampled_from(["", "People wrote this.\n"])), links=links)
    for number, notes in enumerate(world.notes.values()):
        notes.append(Note(id=100 + 10 * number, body="Nice work", author_id=3))
    return world


def ours(world: World, iid: int) -> list[Note]:
    return [note for note in world.notes[iid] if note.author_id == TEXTS.OURS]


def uploads(world: World) -> list[tuple[str, str]]:
    return [(action.index, action.filename) for action in world.writes if isinstance(action, Upload)]


def assert_told_once(world: World, state: ReleaseState) -> None:
    for iid in world.notes:
        (note,) = ours(world, iid)
        assert f"> {state.value}:" in note.body
        assert any(note.author_id == 3 for note in world.notes[iid]) or len(world.notes[iid]) == 1


@pytest.mark.slow
@many_plans
@given(worlds())
def test_every_world_without_a_lasting_obstacle_ends_published(world: World) -> None:
    last = drive(world, wanted())
    assert last.state is ReleaseState.PUBLISHED
    assert {target.state for target in last.targets} == {TargetState.DONE}
    assert all(world.stands(name, file) for name in INDEXES for file in world.files)
    assert world.complaints == []
    assert world.release is not None
    assert {link.url for link in world.release.links} == {
        f"https://{name}.example.com/{file.filename}" for name in INDEXES for file in world.files
    }
    assert world.release.description.endswith(f"<ours>1.1.0 {len(world.files)} files</ours>")
    assert_told_once(world, ReleaseState.PUBLISHED)
    event(f"{len(world.writes)} writes")


@pytest.mark.slow
@many_plans
@given(worlds())
def test_once_at_rest_another_run_does_nothing(world: World) -> None:
    drive(world, wanted())
    before = copy.deepcopy(world)
    assert drive(world, wanted()).state is ReleaseState.PUBLISHED
    assert world.writes == before.writes
    assert dry_run(world, wanted()).step == Rest()


@quick_plans
@given(worlds(conflict=True))
def test_nothing_is_uploaded_anywhere_when_one_file_conflicts_somewhere(world: World) -> None:
    release = world.release
    last = drive(world, wanted())
    assert last.state is ReleaseState.CONFLICT
    assert uploads(world) == []
    assert world.release == release
    assert_told_once(world, ReleaseState.CONFLICT)


@quick_plans
@given(worlds(refusals=True))
def test_a_lasting_refusal_ends_failed_or_partial_and_nothing_behind_it_is_sent(world: World) -> None:
    last = drive(world, wanted())
    accepted = any(a.outcome is AttemptOutcome.ACCEPTED and a.target.startswith("index:") for a in world.attempts)
    expected = ReleaseState.PARTIAL if world.public or accepted else ReleaseState.FAILED
    assert last.state is expected
    assert world.complaints == []
    assert not any(isinstance(action, CreateRelease | DescribeRelease | LinkRelease) for action in world.writes)
    assert_told_once(world, expected)


@pytest.mark.slow
@many_plans
@given(worlds(refusals=True))
def test_a_person_who_resumes_gets_it_published_and_the_same_notes_edited(world: World) -> None:
    drive(world, wanted())
    told = {iid: ours(world, iid)[0].id for iid in world.notes}
    world.now += timedelta(minutes=1)
    last = drive(world, wanted(asked=world.now))
    assert last.state is ReleaseState.PUBLISHED
    assert world.complaints == []
    assert {iid: ours(world, iid)[0].id for iid in world.notes} == told
    assert_told_once(world, ReleaseState.PUBLISHED)


def test_a_clean_release_is_made_in_this_order() -> None:
    world = a_world(SDIST, WHEEL)
    drive(world, wanted())
    assert [action.words for action in world.writes] == [
        f"upload {WHEEL} to registry",
        f"upload {SDIST} to registry",
        f"upload {WHEEL} to public",
        f"upload {SDIST} to public",
        "create the GitLab Release v1.1.0",
        "tell merge request !1",
        "tell merge request !2",
    ]


@pytest.mark.parametrize("obstacle", [Sending.BUSY, Sending.LOSE, Sending.SWALLOW])
def test_a_wheel_that_does_not_get_through_holds_up_the_sdist(obstacle: Sending) -> None:
    world = a_world()
    world.sendings["registry", WHEEL] = [obstacle]
    drive(world, wanted())
    assert world.complaints == []
    again = [] if obstacle is Sending.SWALLOW else [("registry", WHEEL)]
    assert uploads(world)[: 2 + len(again)] == [("registry", WHEEL), *again, ("registry", SDIST)]


def test_what_people_wrote_and_linked_in_the_gitlab_release_stays() -> None:
    world = a_world()
    mine = ReleaseLink(name="manual", url="https://docs.example.com/")
    world.release = release_of(description="Hand-written.\n", links=(mine,))
    drive(world, wanted())
    assert world.release.description.startswith("Hand-written.\n<ours>")
    assert world.release.links[0] == mine
    assert len(world.release.links) == 5


def test_a_link_of_a_file_that_leads_elsewhere_is_led_to_where_the_file_stands() -> None:
    world = a_world()
    drive(world, wanted())
    assert world.release is not None
    right = set(world.release.links)
    stale = ReleaseLink(name=WHEEL, url="https://old.example.com/simple/" + WHEEL)
    world.release = replace(
        world.release, links=tuple(stale if link.name == WHEEL else link for link in world.release.links)
    )
    written = len(world.writes)
    drive(world, wanted())
    assert [one.words for one in world.writes[written:]] == [
        f"lead the link {WHEEL} of the GitLab Release v1.1.0 to where the file stands"
    ]
    assert set(world.release.links) == right
    assert world.complaints == []


def test_surplus_notes_of_ours_are_folded_into_the_oldest() -> None:
    world = a_world(iids=(5,))
    for number in (3, 4, 9):
        world.notes[5].append(Note(id=number, body="<note v1.1.0 !5> waiting: x", author_id=TEXTS.OURS))
    drive(world, wanted())
    assert [note.id for note in ours(world, 5)] == [3]
    assert_told_once(world, ReleaseState.PUBLISHED)


@quick_plans
@given(worlds())
def test_a_dry_run_lists_exactly_what_a_run_without_faults_then_does(world: World) -> None:
    world.sendings.clear()
    untouched = copy.deepcopy(world)
    drawn = dry_run(world, wanted())
    assert (world.writes, world.indexes, world.notes, world.release) == (
        [],
        untouched.indexes,
        untouched.notes,
        untouched.release,
    )
    listed_first = [a.words for a in drawn.step.actions] if isinstance(drawn.step, Act) else []
    drive(world, wanted())
    done = [a.words for a in world.writes]
    # Links to files that stood nowhere yet had no address to list.
    sent = {f"https://{index}.example.com/{file}" for index, file in uploads(world)}
    addressless = {a.words for a in world.writes if isinstance(a, LinkRelease) and a.link.url in sent}
    assert listed_first == [words for words in done if words not in addressless]


def test_the_state_of_a_dry_run_is_that_of_now() -> None:
    assert dry_run(a_world(), wanted()).state is ReleaseState.PLANNED
    world = a_world()
    drive(world, wanted())
    world.notes[7] = []
    assert dry_run(world, wanted()).state is ReleaseState.PUBLISHED
