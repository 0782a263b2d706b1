"""Replicas on one PostgreSQL: what another one brings, what it costs, and that idling costs the same for many projects.

Prints, for replicas of `serve` with eight workers each, beside the embedded GitLab and a PostgreSQL on this machine:

- turns a second of one replica and of `--replicas`, of turns that only observe while GitLab takes 300 ms for an answer
  (promise: three times as many with four), and what a turn takes: requests, statements, milliseconds of CPU;
- the same with a GitLab that answers at once, where processors are what is short (promise: no loss, at least 0.9);
- with `--open` releases that wait, and `--projects` watched beside a tenth as many: memory, CPU, connections and
  statements a second of each replica while nothing happens (promise: at most 1.25 times as many statements and as much
  CPU with ten times the projects);
- a calibration line, since absolute figures depend on the machine.

Exit code 1 if a promise is broken. `--turns 0` and `--projects 0` leave a part out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import yaml
from psycopg.errors import DeadlockDetected

from bench.bench_many import LONG, _project, _resident
from bench.bench_watch import Sandbox
from bench.calibration import calibrate
from bot.domain.policy import Source
from bot.domain.refs import Project as Watched
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.sandbox.world.places import Project
from tests.postgres import Postgres, Role, close_postgres, open_postgres
from tests.stories.bot import Bot, Daemon, free_port
from tests.stories.fleet import Fleet, make_fleet, serving
from tests.stories.town import TAG, Town, open_town
from tests.waiting import until

LATENCY = 0.3  # seconds
FASTER, NO_LOSS, FLAT = 3.0, 0.9, 1.25
CPU_SLACK = 1.0  # percent of a core: less than that is noise
TICKS = os.sysconf("SC_CLK_TCK")
LATER = timedelta(hours=6)
SETTLE = 10.0  # seconds
QUIET = 3 * 3600  # seconds
Connection = psycopg.Connection[tuple[object, ...]]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--turns", type=int, default=320)
    parser.add_argument("--projects", type=int, default=20_000)
    parser.add_argument("--open", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of idling measured; a poll falls into each minute")
    given = parser.parse_args()
    print(f"calibration: {calibrate():.3f} s for 200 MB of sha256 on one core")
    kept = True
    server = open_postgres(shared_preload_libraries="pg_stat_statements")
    try:
        with tempfile.TemporaryDirectory() as folder:
            if given.turns:
                kept &= turns(Path(folder), server, given.replicas, given.turns)
            if given.projects:
                kept &= idling(Path(folder), server, given)
    finally:
        close_postgres(server)
    return 0 if kept else 1


def turns(folder: Path, server: Postgres, replicas: int, count: int) -> bool:
    """Turns a second of one and of several, when GitLab is slow and when it is not."""
    kept = True
    with open_town(folder / "town", max_jobs=1) as town:
        group = town.group()
        projects = [_project(town, group, LONG) for _ in range(count)]
        rows = [_row(one, town.world.create_tag(one, TAG, "main", town.grace, "Release")) for one in projects]
        for latency, least, words in ((LATENCY, FASTER, "observing"), (0.0, NO_LOSS, "computing")):
            town.calm()
            if latency:
                town.fault(kind="latency", path="^/api/", seconds=latency, times=None)
            rates = []
            for size in (1, replicas):
                fleet = make_fleet(folder / f"{words}{size}", town, town.group(), server.database(), size)
                for bot in fleet.bots:
                    bot.config["releases"][0]["projects"] = [f"{group.full_path}/**"]
                rates.append(_rate(fleet, town, server, rows))
            ratio = rates[1] / rates[0]
            kept &= ratio >= least
            print(
                f"{words}, GitLab answers after {1000 * latency:.0f} ms: 1 replica {rates[0]:.1f} turns a second, "
                f"{replicas} replicas {rates[1]:.1f}; ratio {ratio:.2f} (promise: {least})"
            )
    return kept


def _rate(fleet: Fleet, town: Town, server: Postgres, rows: list[Release]) -> float:
    """Turns a second while all replicas are at work: between the first tenth and the last."""
    role = fleet.bots[0].role
    assert role is not None, "a fleet shares a database"
    first, last = len(rows) // 10, len(rows) - len(rows) // 10
    with serving(fleet), _admin(server, role) as (connection, statements):
        with fleet.bots[0].store() as store, store.database.gather():
            store.enrolment.enrolled([_watched(row) for row in rows], datetime.now(UTC))
            for row in rows:
                store.releases.add(row)

        def done() -> int:
            return _one(connection, "SELECT count(*) FROM ropewalk.releases WHERE turn > 0")

        daemons = list(fleet.daemons.values())
        since, before, ticks = town.mark(), statements(), sum(map(_ticks, daemons))
        connection.execute("UPDATE ropewalk.releases SET due_at = %s", (_text(datetime.now(UTC)),))
        begin = _when(lambda: done() >= first)
        end = _when(lambda: done() >= last)
        until(lambda: done() == len(rows), 300)
        asked, told = len(town.requests(since)) / len(rows), (statements() - before) / len(rows)
        spent = 1000 * (sum(map(_ticks, daemons)) - ticks) / TICKS / len(rows)
    print(f"  {len(daemons)} at work: a turn takes {asked:.1f} requests, {told:.0f} statements, {spent:.0f} ms of CPU")
    return (last - first) / (end - begin)


@contextmanager
def _admin(server: Postgres, role: Role) -> Iterator[tuple[Connection, Callable[[], int]]]:
    """A connection that does not count, and what says how many statements the role has had carried out so far."""
    query = (
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
        f"WHERE d.datname = '{role.database}' AND s.userid = '{role.user}'::regrole"
    )
    with server.admin(role.database).connect() as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        yield admin, lambda: _one(admin, query)


def _when(what: Callable[[], bool]) -> float:
    until(what, 600)
    return time.perf_counter()


def idling(folder: Path, server: Postgres, given: argparse.Namespace) -> bool:
    """What replicas cost that have nothing to do, with few and with many projects."""
    costs = []
    for projects in (given.projects // 10, given.projects):
        with Sandbox(projects, latency="0ms") as sandbox:
            costs.append(_idle(folder / f"idle{projects}", sandbox, server.database(), server, given))
        told = costs[-1]
        print(
            f"{projects} projects, {given.open} open releases, {given.replicas} replicas idle; each: "
            f"{told.memory:.0f} MB, {told.cpu:.1f} % of a core, {told.connections:.1f} connections, "
            f"{told.statements:.1f} statements a second"
        )
    few, many = costs
    ratio = many.statements / few.statements
    flat = ratio <= FLAT and many.cpu <= FLAT * few.cpu + CPU_SLACK
    print(f"ten times the projects: {ratio:.2f} times the statements (promise: at most {FLAT})")
    return flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one replica: MB, percent of a core, connections, statements a second."""

    memory: float
    cpu: float
    connections: float
    statements: float


def _idle(folder: Path, sandbox: Sandbox, role: Role, server: Postgres, given: argparse.Namespace) -> Cost:
    bots = [_beside(folder / str(number), sandbox, role) for number in range(given.replicas)]
    with serving(Fleet(bots=bots)) as fleet, _admin(server, role) as (connection, statements):
        until(lambda: "watch.enrolled" in fleet.logs(), 900)
        # All projects were made a moment ago, and a poll looks at what was active within the hour. How long that takes
        # is for the API budget to say; here nothing is to be looked at.
        sandbox.later(QUIET)
        moved = _text(datetime.now(UTC) + timedelta(seconds=QUIET // 2))
        polled = f"SELECT count(*) FROM ropewalk.cursors WHERE name = 'poll' AND moment > '{moved}'"

        def compared() -> bool:
            try:
                connection.execute("UPDATE ropewalk.projects SET compared_at = seen_at")
                connection.execute("DELETE FROM ropewalk.looks")
            except DeadlockDetected:  # the replicas write to the same rows, in another order
                return False
            return True

        until(compared)
        until(lambda: _one(connection, polled) == 1, 300)
        until(compared)
        with bots[0].store() as store, store.database.gather():
            for number in range(given.open):
                store.releases.add(_waiting(number))
        until(lambda: _one(connection, "SELECT count(*) FROM ropewalk.looks") == 0, 60)
        time.sleep(SETTLE)
        return _measured(list(fleet.daemons.values()), connection, statements, given.seconds)


def _measured(daemons: list[Daemon], connection: Connection, statements: Callable[[], int], seconds: float) -> Cost:
    size = len(daemons)
    before, ticks, began = statements(), sum(map(_ticks, daemons)), time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - began
    opened = "SELECT count(*) FROM pg_stat_activity WHERE usename <> current_user AND datname = current_database()"
    return Cost(
        memory=sum(_resident(one.process.pid) for one in daemons) / size,
        cpu=100 * (sum(map(_ticks, daemons)) - ticks) / TICKS / took / size,
        connections=_one(connection, opened) / size,
        statements=(statements() - before) / took / size,
    )


def _one(connection: Connection, query: str) -> int:
    """The one number that a query gives."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None, "a count is always one row"
    return int(str(row[0]))


def _ticks(daemon: Daemon) -> int:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _beside(folder: Path, sandbox: Sandbox, role: Role) -> Bot:
    """A replica that watches all projects of the large GitLab, once a minute."""
    port = free_port()
    config = yaml.safe_load(sandbox.config(folder, port=port).read_text())
    config["watch"]["poll"] = "60s"
    return Bot(folder=folder, town=None, config=config, port=port).share(role)  # type: ignore[arg-type]  # has none


def _watched(row: Release) -> Watched:
    """Its project as enrolling keeps it: what is on record need not be asked for."""
    return Watched(id=row.id.project_id, full_path=row.project, web_url="", default_branch="main")


def _row(project: Project, sha: str) -> Release:
    """A release that nobody has looked at yet, due in a while; a hook told of its pipeline, so one look is enough."""
    now = datetime.now(UTC)
    return Release(
        id=ReleaseId(project_id=project.id, kind=RefKind.TAG, ref=TAG, sha=sha),
        project=project.full_path,
        state=ReleaseState.PLANNED,
        created_at=now,
        updated_at=now,
        asked_at=now,
        heard_at=now,
        due_at=now + LATER,
        source=Source.ARTIFACTS,
    )


def _waiting(number: int) -> Release:
    """A release whose next turn is far away."""
    now = datetime.now(UTC)
    return Release(
        id=ReleaseId(project_id=1 + number, kind=RefKind.TAG, ref=TAG, sha=f"{number:040x}"),
        project=f"fleet/waits{number}",
        state=ReleaseState.WAITING,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now + LATER,
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


if __name__ == "__main__":
    sys.exit(main())
