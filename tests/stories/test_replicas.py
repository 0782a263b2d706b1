"""Several replicas on one PostgreSQL: a release ends once, whoever dies or freezes meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bot.adapters.index.limits import SETTLING, Patience
from bot.adapters.store.replicas import SharedReplicas
from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import IN_FULL
from tests.contract.states import shared_store
from tests.postgres import Role
from tests.stories.bot import Bot, Daemon, make_bot
from tests.stories.town import Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, *IN_FULL]  # a minute and a half each: `make test` has test_shared_state


def replica(folder: Path, town: Town, group: Group, role: Role) -> Bot:
    """One of several: the same configuration but for its port."""
    return make_bot(folder, town, group.full_path).share(role)


def at_work(daemons: dict[str, Daemon]) -> str:
    """The name of the replica that began to act; empty while none did."""
    for name, daemon in daemons.items():
        if '"action.started"' in daemon.bot.log.read_text():
            return name
    return ""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_what_a_replica_left_is_taken_over_by_the_other_within_45_seconds(
    tmp_path: Path, town: Town, group: Group, database: Role, how: signal.Signals
) -> None:
    """It is killed, or freezes, as it begins to act; one that wakes afterwards does nothing twice.

    What a frozen one may have begun to send is waited for: its child lives on, and nobody can ask it.
    """
    package = town.package(group)
    bots = {name: replica(tmp_path / name, town, group, database) for name in ("one", "two")}
    daemons = {name: bot.daemon() for name, bot in bots.items()}
    store = shared_store(database)
    try:
        for daemon in daemons.values():
            daemon.ready()
        members = SharedReplicas(store.database).members()
        assert [one.alive for one in members] == [True, True]
        package.tag()
        worker = until(lambda: at_work(daemons))
        os.kill(daemons[worker].process.pid, how)
        (other,) = (bot for name, bot in bots.items() if name != worker)
        until(lambda: "replica.took_over" in other.log.read_text(), 45)
        within = 90 if how is signal.SIGKILL else 90 + Patience().upload + SETTLING
        (ended,) = until(lambda: [r for r in store.releases.releases() if r.state is ReleaseState.PUBLISHED], within)
        assert ended.targets
        told = other.run("status", "--format", "json").json["replicas"]
        assert sorted(one["alive"] for one in told) == [False, True]
        if how is signal.SIGSTOP:
            os.kill(daemons[worker].process.pid, signal.SIGCONT)
            until(lambda: "replica.woken" in bots[worker].log.read_text())
        package.complete()
        assert store.journal.verify()[1] is None
        assert database.password not in "".join(bot.log.read_text() for bot in bots.values())
    finally:
        for daemon in daemons.values():
            if daemon.process.poll() is None:
                os.kill(daemon.process.pid, signal.SIGCONT)
            daemon.stop()
        store.close()
