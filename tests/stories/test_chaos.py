"""Replicas that die and freeze, a database that crashes, clocks that jump, a GitLab that fails: one clean run's end."""

from __future__ import annotations

import heapq
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from bot.sandbox.world.places import Group
from tests.bounds import FULL
from tests.postgres import Postgres, Role, close_postgres, open_postgres
from tests.seeds import drawn, seeds
from tests.stories.endings import ending
from tests.stories.fleet import Fleet, long_dead, make_fleet, serving
from tests.stories.test_faults import KINDS, PART
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

REPLICAS, RELEASES, SECONDS = (5, 50, 240.0) if FULL else (2, 2, 8.0)
FAILING = PART if FULL else PART / 2  # of all requests: in a short run nobody waits for the third try
KNOWN_DEAD = 0.5 if FULL else 1.0  # how often the others are told at once, and do not wait for the signs of life
PAUSE = 2.5  # seconds between two acts, on average
STOPPING = 5  # one release in so many is stopped by its variables
END = 1800.0  # seconds for what is left after the last act: who fails often waits up to a quarter of an hour


@dataclass(slots=True)
class Chaos:
    """What happens meanwhile, and to whom, as the seed has it."""

    fleet: Fleet
    town: Town
    server: Postgres
    role: Role
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    coming: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    numbers: count[int] = field(default_factory=count)
    now: float = 0.0

    def plan(self, seconds: float, tags: list[Callable[[], object]]) -> None:
        """Spread tags and acts over so many seconds."""
        for tag in tags:
            self.at(self.chance.uniform(0, 0.8 * seconds), tag)
        acts = [self.kill, self.kill, self.freeze, self.freeze, self.freeze, self.crash, self.jump]
        moment = 0.0
        chosen = list(dict.fromkeys(acts))  # each at least once
        self.chance.shuffle(chosen)
        while (moment := moment + self.chance.uniform(0.2, 1.8) * PAUSE) < seconds:
            self.at(moment, chosen.pop() if chosen else self.chance.choice(acts))
        for act in chosen:
            self.at(seconds, act)

    def at(self, moment: float, act: Callable[[], object]) -> None:
        """Do it so many seconds after the begin, or as soon after that as what comes before is done."""
        heapq.heappush(self.coming, (moment, next(self.numbers), act))

    def run(self) -> None:
        """Do it all."""
        began, pause = time.monotonic(), threading.Event()
        while self.coming:
            moment, _, act = heapq.heappop(self.coming)
            pause.wait(max(0.0, began + moment - time.monotonic()))
            self.now = moment
            self.fleet.supervise()
            act()

    def kill(self) -> None:
        """kill -9 and a new start, as a supervisor does it; sometimes the others know at once that it is dead."""
        number = self._one()
        pid = self.fleet.daemons[number].process.pid
        self.fleet.kill(number)
        if self.chance.random() < KNOWN_DEAD:
            long_dead(self.role, pid)
        self.fleet.start(number)
        self.done["kill"] += 1

    def freeze(self) -> None:
        """SIGSTOP for a moment, or for so long that the others take it for dead; then it goes on as if nothing was."""
        number = self._one()
        if number in self.fleet.frozen:
            return
        self.fleet.freeze(number)
        self.done["freeze"] += 1
        if self.chance.random() < 0.5:
            long_dead(self.role, self.fleet.daemons[number].process.pid)
            self.done["falsely dead"] += 1
        self.at(self.now + self.chance.uniform(0.5, 14.0), lambda: self.fleet.wake(number))

    def crash(self) -> None:
        """PostgreSQL ends without a checkpoint, and comes back after a while."""
        self.server.stop(signal.SIGQUIT)
        threading.Event().wait(self.chance.uniform(0, 4))
        self.server.start()
        self.done["database crash"] += 1

    def jump(self) -> None:
        """GitLab's clock jumps, ahead or back."""
        self.town.world.clock.offset = timedelta(minutes=self.chance.randrange(-120, 120))
        self.done["clock jump"] += 1

    def _one(self) -> int:
        return self.chance.randrange(len(self.fleet.bots))


@pytest.fixture
def server() -> object:
    """A PostgreSQL server of the story's own, which may be crashed."""
    made = open_postgres()
    yield made
    close_postgres(made)


@seeds("replicas")
def test_releases_end_as_in_one_clean_run(
    tmp_path: Path,
    town: Town,
    server: Postgres,
    seed: int | None,
    record_property: Callable[[str, object], None],
) -> None:
    """0 lost, 0 files, notes, Releases, issues twice. ROPEWALK_SEED repeats a run; in full 5 replicas, 50 releases."""
    seed = drawn(seed, record_property)
    group, role = town.group(), server.database()
    fleet = make_fleet(tmp_path, town, group, role, REPLICAS)
    for bot in fleet.bots:
        bot.config["watch"] |= {"poll": "1s", "since": "all"}
        bot.config["releases"][0]["tags"] = ["v1.1.*"]
        bot.config["notes"] = {"failure_issue": True}
    clean = [_package(town, group, stopped=stopped) for stopped in (False, True)]
    packages = [_package(town, group, stopped=number % STOPPING == 1) for number in range(RELEASES)]
    with fleet.bots[0].serving():
        for package in clean:
            package.tag()
        fleet.bots[0].ended(*(one.project.full_path for one in clean))
    uploads = town.index.uploads()
    chaos = Chaos(fleet, town, server, role, random.Random(seed))
    chaos.plan(SECONDS, [package.tag for package in packages])
    with serving(fleet):
        for number, kind in enumerate(KINDS):
            draw = {"probability": FAILING / len(KINDS), "seed": seed + number, "times": None}
            town.fault(**{"path": "^/api/", **kind, **draw})
        chaos.run()
        for number in list(fleet.frozen):
            fleet.wake(number)
        took = _wait(fleet, packages)
    town.calm()
    said = ", ".join(f"{times} × {what}" for what, times in chaos.done.items())
    print(f"{RELEASES} releases, {REPLICAS} replicas: {said}; {_told(fleet)}; ended {took:.0f} s after the last")
    for package in packages:
        wanted = ending(fleet.bots[0], clean[_is_stopped(package)])
        assert ending(fleet.bots[0], package) == wanted, f"ROPEWALK_SEED={seed}"
        _nothing_twice(package)
    published = sum(not _is_stopped(package) for package in packages)
    assert town.index.uploads() - uploads == 2 * published, f"ROPEWALK_SEED={seed}"
    with fleet.bots[0].store() as store:
        assert store.journal.verify()[1] is None
    logs = fleet.logs()
    assert _tracebacks(logs) == []
    assert town.token not in logs
    assert role.password not in logs


def _package(town: Town, group: Group, *, stopped: bool) -> Package:
    package = town.package(group, changes=2)
    if stopped:
        town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2")
    return package


def _is_stopped(package: Package) -> bool:
    return bool(package.project.variables)


def _wait(fleet: Fleet, packages: list[Package]) -> float:
    """Seconds until all releases are at their end."""
    began = time.monotonic()
    names = {package.project.full_path for package in packages}
    with fleet.bots[0].store() as store:

        def over() -> bool:
            fleet.supervise()
            rows = [one for one in store.releases.releases() if one.project in names]
            resting = all(not one.state.open and one.due_at is None for one in rows)
            return resting and {one.project for one in rows} == names

        until(over, END)
    return time.monotonic() - began


def _nothing_twice(package: Package) -> None:
    """One of each in public, or only what a stopped release says of itself."""
    if not _is_stopped(package):
        package.complete()
        assert package.project.issues == {}
        return
    package.untouched()
    assert len(package.project.issues) == 1
    assert {len(notes) for notes in package.notes().values()} == {1}


def _tracebacks(logs: str) -> list[str]:
    """Lines that tell of a fault of ours; the engine's own library says so of a database that is away."""
    return [line for line in logs.splitlines() if "Traceback" in line and '"logger": "dbos"' not in line]


def _told(fleet: Fleet) -> str:
    logs = fleet.logs()
    events = ("replica.took_over", "replica.woken", "turn.fenced", "turn.put_off")
    return ", ".join(f"{logs.count(event)} × {event}" for event in events)
