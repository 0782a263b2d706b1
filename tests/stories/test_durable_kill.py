"""kill -9 before, in and after every action, with the durable engine: what ends is what one clean run would leave."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import FULL
from tests.postgres import Role
from tests.stories.bot import Bot, Daemon, alive
from tests.stories.fleet import long_dead
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

ROOT = Path(__file__).parents[2]
UNFINISHED = "SELECT workflow_uuid FROM workflow_status WHERE name = 'turn' AND status != 'SUCCESS'"
FEW = 2  # moments on PostgreSQL unless it is told in full
REGISTRY = r"/projects/{id}/packages/pypi$"
# The actions of a release with one merged request, in order, and for those on GitLab the request that is the effect.
ACTIONS = {
    "{name}-1.1.0-py3-none-any.whl to registry": (REGISTRY, 0),
    "{name}-1.1.0.tar.gz to registry": (REGISTRY, 1),
    "{name}-1.1.0-py3-none-any.whl to index": None,
    "{name}-1.1.0.tar.gz to index": None,
    "create the GitLab Release": (r"/projects/{id}/releases$", 0),
    "tell merge request !1": (r"/projects/{id}/merge_requests/1/notes$", 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A moment at which the daemon dies: at a line of its log, or while an effect of its hand waits for the answer."""

    name: str
    line: tuple[str, ...] = ()
    held: tuple[str, int] | None = None


def _kills() -> list[Kill]:
    """Every moment in full; else one of each action, each kind of moment by turns."""
    found = []
    for number, (action, effect) in enumerate(ACTIONS.items()):
        moments = [Kill(name=f"before {action}", line=("action.started", action))]
        if effect is not None:
            moments.append(Kill(name=f"in {action}", held=effect))
        moments.append(Kill(name=f"after {action}", line=("action.finished", action)))
        found += moments if FULL else [moments[(number + 1) % len(moments)]]
    # The row is written, the engine does not know yet that the turn is over.
    return [*found, Kill(name="after the row", line=("release.published",))]


@pytest.mark.parametrize("state", ["sqlite", "postgresql"])
def test_killed_before_in_and_after_every_action(
    request: pytest.FixtureRequest, bot: Bot, town: Town, group: Group, state: str
) -> None:
    """Each release is killed at a moment of its own; every daemon ends what the one before it left, and then dies.

    On PostgreSQL every daemon is a replica that dies, and it is the last one that ends what all of them left.
    """
    bot.config["watch"] |= {"since": "all", "poll": "1s"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    kills = _kills()
    if state == "postgresql":
        bot.share(request.getfixturevalue("database"))
        kills = kills if FULL else kills[:: len(kills) // FEW][:FEW]
    packages = [town.package(group) for _ in kills]
    since = town.mark()
    for kill, package in zip(kills, packages, strict=True):
        package.tag()
        package.pipeline_over()
        _die(bot, town, kill, package)
    if bot.role is not None:
        long_dead(bot.role)
    with bot.serving():
        ended = bot.ended(*(package.project.full_path for package in packages))
        # The rows are at their end before the engine has been told so of the last turn, which died in between.
        until(lambda: _engine(bot, UNFINISHED) == [])

    assert {release.project: release.state for release in ended} == {
        package.project.full_path: ReleaseState.PUBLISHED for package in packages
    }
    for kill, package in zip(kills, packages, strict=True):
        package.complete()
        assert _sent(town, package, since) == _once(package), kill.name
    assert bot.role is not None or _engine(bot, "PRAGMA integrity_check") == [("ok",)]
    with bot.store() as store:
        assert store.journal.verify()[1] is None
    said = bot.log.read_text()
    assert "Traceback" not in said
    assert town.token not in said


def _die(bot: Bot, town: Town, kill: Kill, package: Package) -> None:
    """A daemon that dies at that moment of that package's release."""
    if kill.held is not None:
        path, skip = kill.held
        path = path.replace("{id}", str(package.project.id))
        town.fault(kind="hold", method="POST", path=path, skip=skip, after_effect=True)
        daemon = bot.daemon()
        until(lambda: len(town.control("GET", "held").json()) == 1)
        below = daemon.kill()
        town.calm()
    else:
        words = "\n".join((*kill.line, package.project.full_path)).replace("{name}", package.name)
        with bot.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.stories.dying_daemon", "serve", "--config", str(bot.write())]
            environment = bot._environment() | {"DIE_AT": words, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(command, env=environment, cwd=bot.folder, stdout=log, stderr=log)
        daemon = Daemon(bot=bot, process=process)
        below = []

        def dead() -> bool:
            below[:] = daemon.family()[1:] or below
            return process.poll() is not None

        try:
            until(dead)
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL, (kill.name, bot.log.read_text()[-2000:])
    until(lambda: not any(map(alive, below)), 10)


def _engine(bot: Bot, question: str) -> list[tuple[object, ...]]:
    """What the engine's own tables answer, also while the daemon runs."""
    if bot.role is not None:
        return _shared_engine(bot.role, question)
    with closing(sqlite3.connect(bot.folder / "ropewalk.engine.db")) as connection:
        return connection.execute(question).fetchall()


def _shared_engine(role: Role, question: str) -> list[tuple[object, ...]]:
    with role.connect() as connection:
        connection.execute("SET search_path = dbos")
        return connection.execute(question.encode()).fetchall()


def _sent(town: Town, package: Package, since: int) -> Counter[str]:
    """How often each write was sent to GitLab, carried out or not, by path."""
    at = f"/api/v4/projects/{package.project.id}/"
    return Counter(one.path for one in town.requests(since) if one.method == "POST" and one.path.startswith(at))


def _once(package: Package) -> Counter[str]:
    at = f"/api/v4/projects/{package.project.id}"
    return Counter({f"{at}/packages/pypi": 2, f"{at}/releases": 1, f"{at}/merge_requests/1/notes": 1})
