"""Promise: with 10,000 projects each page of the dashboard is answered within 150 ms at the server.

A state is filled with projects, twice as many releases and three times as many findings. Every page is asked for over
HTTP at the real server, again and again: by somebody who sees everything, by a member who sees every second project,
and by one who sees one in a hundred, as if GitLab answered at once. Median and worst of each are printed, and beside
them the time this process computed (client and server), which a busy machine leaves alone; exit code 1 if a median
breaks the promise.

`--projects N` chooses the size, `--postgresql` a state on a PostgreSQL server of the run's own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from bench.calibration import calibrate
from bot.adapters.store.open import open_state
from bot.adapters.store.postgres import open_shared, shared_engine
from bot.adapters.store.store import Store
from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import POOL, open_reader
from bot.domain.releases import Release, ReleaseState
from bot.web.viewer import Door, OpenDoor
from tests.browser.served import served_over
from tests.contract.dashboard_bench import Member, OneDoor
from tests.organisation import Size, fill
from tests.postgres import close_postgres, open_postgres

PROMISE = 0.150  # seconds
TIMES = 15  # each page


@dataclass(frozen=True, slots=True)
class Timed:
    """How long answers took, in seconds, how much of that this process computed on average, and how much came."""

    seconds: list[float]
    computing: float
    size: int

    def line(self, who: str, path: str) -> str:
        """For people."""
        middle, worst = statistics.median(self.seconds) * 1000, max(self.seconds) * 1000
        verdict = "ok" if self.good else "TOO SLOW"
        spent = f"{middle:7.1f} ms, worst {worst:7.1f}, computing {self.computing * 1000:6.1f}"
        return f"{who:<10} {path:<44.44} {spent}, {self.size / 1024:5.1f} KiB  {verdict}"

    @property
    def good(self) -> bool:
        """Whether the promise holds."""
        return statistics.median(self.seconds) <= PROMISE


def main() -> int:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    size = Size(projects=given.projects, releases=2 * given.projects, findings=3 * given.projects, told=300)
    print(f"calibration: {calibrate():.2f} s for 200 MB of sha256")
    with (
        tempfile.TemporaryDirectory(prefix="ropewalk-bench-") as folder,
        states(Path(folder), given.postgresql) as both,
    ):
        store, views = both
        began = time.perf_counter()
        made = fill(store, datetime.now(UTC), size)
        words = f"{size.projects} projects, {size.releases} releases, {size.findings} findings"
        print(
            f"{'PostgreSQL' if given.postgresql else 'SQLite'}: {words}, filled in {time.perf_counter() - began:.0f} s"
        )
        good = True
        doors: dict[str, Door] = {"everybody": OpenDoor()}
        for who, step in (("half", 2), ("hundredth", 100)):
            doors[who] = OneDoor(who=Member(projects=frozenset(range(1, size.projects + 1, step))))
        for who, door in doors.items():
            for path in pages(made):
                timed = ask(views, door, path)
                good &= timed.good
                print(timed.line(who, path), flush=True)
    return 0 if good else 1


def pages(made: Sequence[Release]) -> list[str]:
    """Each page, lists also in the middle, filtered, and searched for what is not there; of a project that all see."""
    told = next(one for one in reversed(made) if one.state is ReleaseState.PUBLISHED and one.id.project_id % 100 == 1)
    middle = made[len(made) // 2]
    place = f"{middle.created_at.strftime('%Y%m%dT%H%M%S.%fZ')}~{middle.key}"
    return [
        "/",
        "/releases",
        f"/releases?after={quote(place)}",
        "/releases?state=failed",
        "/releases?q=widget",
        "/releases?q=nothing-is-called-so",
        f"/releases/{quote(told.key, safe='/@')}",
        "/projects",
        "/projects?after=acme/libs/",
        "/projects?show=stuck",
        "/projects?show=findings&q=anvil",
        f"/projects/{told.id.project_id}",
        "/findings",
        "/findings?severity=low&q=npm",
        "/findings?state=all&q=nothing-is-called-so",
        "/bot",
    ]


def ask(views: Views, door: Door, path: str) -> Timed:
    """Ask for a page, a few times, on one connection."""
    with served_over(views, door) as url, httpx.Client(trust_env=False, timeout=60) as client:
        seconds = []
        client.get(url + path).raise_for_status()  # what is made once is not what a page costs
        computed = time.process_time()
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = client.get(url + path)
            seconds.append(time.perf_counter() - began)
            answer.raise_for_status()
        return Timed(seconds, (time.process_time() - computed) / TIMES, len(answer.content))


@contextmanager
def states(folder: Path, postgresql: bool) -> Iterator[tuple[Store, Views]]:
    """An empty state, and what reads it."""
    if not postgresql:
        store, views = Store(open_state(folder / "ropewalk.db"), str), Views(open_reader(folder / "ropewalk.db"))
        try:
            yield store, views
        finally:
            views.close()
            store.close()
        return
    server = open_postgres()
    try:
        role = server.database()
        store = Store(open_shared(role.conninfo, role.url), str)
        views = Views(shared_engine(role.conninfo, pool=POOL, reads=True))
        yield store, views
        views.close()
        store.close()
    finally:
        close_postgres(server)


if __name__ == "__main__":
    sys.exit(main())
