"""A bench for the durable runner: rows in a real database, a clock to put forward, turns that can be held."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.store.store import Store
from bot.domain.releases import Release, ReleaseState
from bot.engine.local import Turn
from bot.engine.runner import Runner
from tests.contract.turn_bench import planned

LONG = 20.0  # seconds that nothing here should take
PUBLISHED = ReleaseState.PUBLISHED


class Now:
    """Our clock, which a test may put forward; the engine has its own, the real one."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Turns:
    """A turn that publishes, once its gate is open; keeps count of who is at work."""

    def __init__(self, *, gate: bool = True) -> None:
        self.gate = threading.Event()
        self.lock = threading.Condition()
        self.begun: list[str] = []
        self.at_work: list[int] = []
        self.most_at_once = 0
        self.overlaps: list[str] = []
        if gate:
            self.gate.set()

    def __call__(self, release: Release) -> Release:
        with self.lock:
            if release.id.project_id in self.at_work:
                self.overlaps.append(release.key)
            self.at_work.append(release.id.project_id)
            self.begun.append(release.id.ref)
            self.most_at_once = max(self.most_at_once, len(self.at_work))
            self.lock.notify_all()
        assert self.gate.wait(LONG)
        with self.lock:
            self.at_work.remove(release.id.project_id)
        if "poison" in release.id.ref:
            raise ValueError("a fault of ours, with glpat-AbCdEfGhIjKlMnOpQrSt in it")
        return replace(release, state=PUBLISHED, due_at=None, updated_at=datetime.now(UTC))

    def wait_for(self, count: int) -> None:
        """Until so many turns have begun."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.begun) >= count, LONG), self.begun


@contextmanager
def running(
    store: Store,
    file: Path,
    turn: Turn,
    *,
    workers: int = 4,
    clock: Callable[[], datetime] | None = None,
    jobs: dict[str, Callable[[], None]] | None = None,
) -> Iterator[Runner]:
    """A runner at work; stopped and waited for at the end."""
    runner = Runner(queue=store.releases, turn=turn, clock=clock or Now(), workers=workers, path=file, jobs=jobs)
    runner.start()
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield runner
    finally:
        if isinstance(turn, Turns):
            turn.gate.set()
        assert runner.stop(LONG)
        thread.join(LONG)
        assert not thread.is_alive()


def add(store: Store, *releases: Release) -> None:
    for release in releases:
        assert store.releases.add(release)


def due(project: int, ref: str = "v1") -> Release:
    return planned(project, ref, due_at=datetime.now(UTC) - timedelta(seconds=1))


def states(store: Store) -> dict[str, ReleaseState]:
    return {row.id.ref: row.state for row in store.releases.releases()}


def published(store: Store, count: int) -> Callable[[], bool]:
    return lambda: [row.state for row in store.releases.releases()].count(PUBLISHED) == count


def sql(file: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file, timeout=LONG)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def killed(store: Store, file: Path) -> None:
    """A process that had begun the first due turn was killed."""
    command = [sys.executable, "-m", "tests.contract.durable_child", str(store.engine.url.database), str(file)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
