"""A tag that moves, goes, comes back or loses its protection at any moment: no file of another commit is ever sent."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.domain.distributions import Distribution
from bot.domain.refs import Branch, Tag
from bot.domain.releases import Release
from bot.ports.index import Gathered, IndexPlace, Sent
from tests.bounds import BIGGER_IN_FULL, FULL
from tests.contract.test_turn_stops import CALLS
from tests.contract.turn_bench import Bench, planned
from tests.fakes import FakeIndex
from tests.seeds import drawn, seeds
from tests.unit.release_facts import NOON, OTHER_SHA, PROJECT, SDIST, SHA, WHEEL, distribution, job, pipeline, tag

RUNS = 500 if FULL else 60
TURNS = 12
THERE, MOVED, BARE = tag(), tag(sha=OTHER_SHA), tag(protected=False)
CHANGES: tuple[Tag | None, ...] = (THERE, MOVED, BARE, tag(sha=OTHER_SHA, protected=False), None)
FILES = {
    SHA: tuple(distribution(name) for name in (WHEEL, SDIST)),
    OTHER_SHA: tuple(distribution(name, digest=letter * 64) for name, letter in ((WHEEL, "a"), (SDIST, "b"))),
}


@dataclass(slots=True)
class WatchedIndex(FakeIndex):
    """Notes every file that is sent."""

    sent: list[Distribution] = field(default_factory=list)

    def send(self, place: IndexPlace, distribution: Distribution) -> Sent:
        """As the index does."""
        self.sent.append(distribution)
        return FakeIndex.send(self, place, distribution)


def two_commits(folder: Path) -> tuple[Bench, WatchedIndex]:
    """A bench where both commits have a green pipeline, with other bytes under the same names."""
    bench = Bench(folder=folder)
    index = bench.index = WatchedIndex(wire=bench.wire)
    bench.refs.lines[PROJECT.id] = {"main": Branch(name="main", sha=OTHER_SHA, protected=True)}
    bench.refs.history[OTHER_SHA] = frozenset({SHA})
    bench.refs.texts[PROJECT.id, "pyproject.toml", OTHER_SHA] = '[project]\nname = "acme-widget"\n'
    other = replace(pipeline(number=8).pipeline, sha=OTHER_SHA)
    bench.pipelines.rows[PROJECT.id] += (other,)
    bench.pipelines.jobs_of[8] = (job(41),)
    bench.pipelines.archives[41] = b"archive of job 41"
    bench.distributions.inside[b"archive of job 41"] = Gathered(files=FILES[OTHER_SHA])
    bench.distributions.inside[bench.pipelines.archives[31]] = Gathered(files=FILES[SHA])
    return bench, index


def set_tag(bench: Bench, there: Tag | None) -> None:
    bench.refs.heads[PROJECT.id] = {} if there is None else {"v1.1.0": there}


def run(bench: Bench, index: WatchedIndex, release: Release) -> None:
    """Turns until it rests. Every upload comes right after a look that found the tag as it must be."""
    looked: list[Tag | None] = []
    later = bench.wire.coming

    def coming(name: str) -> None:
        later(name)
        if name == "tag":
            looked.append(bench.refs.heads[PROJECT.id].get("v1.1.0"))
        if name.startswith("upload"):
            assert bench.wire.calls[-2] == "tag"
            seen = looked[-1]
            assert seen is not None
            assert (seen.sha, seen.protected) == (release.id.sha, True)

    bench.wire.coming = coming
    bench.wants = lambda wanted: replace(wanted, id=release.id)
    before = len(index.sent)
    for _ in range(TURNS):
        release = bench.turn(release)
        if release.due_at is None:
            break
        bench.clock.wait(release.due_at - bench.clock.now)
    bench.wire.coming = later
    assert {file.sha256 for file in index.sent[before:]} <= {file.sha256 for file in FILES[release.id.sha]}


def both(bench: Bench, index: WatchedIndex) -> None:
    """The release of one commit, then that of the other, as their ref changes would begin them."""
    for sha in (SHA, OTHER_SHA):
        run(bench, index, replace(planned(), id=replace(planned().id, sha=sha), due_at=NOON))


def at(changes: dict[int, Tag | None], bench: Bench) -> Callable[[str], None]:
    """Sets the tag right before the calls of those numbers (from 1)."""

    def coming(_: str) -> None:
        number = len(bench.wire.calls)
        if number in changes:
            set_tag(bench, changes[number])

    return coming


@pytest.mark.parametrize("there", [MOVED, None, BARE], ids=["moved", "deleted", "unprotected"])
@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_a_change_at_any_step_sends_no_file_of_another_commit(tmp_path: Path, number: int, there: Tag | None) -> None:
    bench, index = two_commits(tmp_path)
    bench.wire.coming = at({number: there}, bench)
    both(bench, index)
    if there is not MOVED:
        assert {file.sha256 for file in index.sent} <= {file.sha256 for file in FILES[SHA]}


@pytest.mark.parametrize("size", [pytest.param(RUNS, marks=BIGGER_IN_FULL)])
@seeds("ref changes")
def test_changes_at_random_moments_send_no_file_of_another_commit(
    tmp_path: Path, seed: int | None, size: int, record_property: Callable[[str, object], None]
) -> None:
    """Several changes a run; ROPEWALK_SEED repeats a run of the whole test, ROPEWALK_CHAOS=full makes it 500 runs."""
    seed = drawn(seed, record_property)
    chance = random.Random(seed)
    sent = 0
    for _ in range(size):
        bench, index = two_commits(tmp_path)
        numbers = chance.sample(range(1, 3 * CALLS), k=chance.randint(1, 6))
        bench.wire.coming = at({number: chance.choice(CHANGES) for number in numbers}, bench)
        both(bench, index)
        sent += len(index.sent)
    assert sent > size, "most runs publish something"
