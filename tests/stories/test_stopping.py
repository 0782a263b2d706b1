"""A replica is told to stop while something takes longer: it is gone in time, and the others need not guess."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

import pytest

from bot.adapters.store.replicas import SharedReplicas
from bot.sandbox.world.places import Group
from tests.cable import cable_to
from tests.postgres import Role
from tests.stories.bot import Bot, Daemon
from tests.stories.town import Town
from tests.waiting import WAIT

pytestmark = pytest.mark.slow
IN_TIME = 12.0  # seconds: docs/operations.md says ten, and this machine has other work


def stopped(daemon: Daemon) -> tuple[int, float]:
    """The exit code after SIGTERM, and the seconds that it took."""
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    return daemon.process.wait(60), time.monotonic() - began


def test_a_replica_that_stops_in_the_midst_of_an_upload_is_gone_for_the_others(
    bot: Bot, town: Town, group: Group, database: Role
) -> None:
    """They take over at once, where they would wait half a minute for signs of life."""
    bot.share(database)
    bot.config["watch"]["since"] = "all"
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    package = town.package(group)
    package.tag()
    package.pipeline_over()
    town.index.hold_uploads()
    daemon = bot.daemon()
    try:
        daemon.ready(2 * WAIT)
        assert town.index.wait_held(WAIT)
        code, seconds = stopped(daemon)
        with bot.store() as store, store.engine.begin() as rows:
            assert SharedReplicas(store.database).members() == ()
            assert rows.exec_driver_sql("SELECT count(*) FROM sendings").scalar() == 0, "nobody waits for the child"
    finally:
        town.index.release()
        daemon.stop()
    assert (code, seconds < IN_TIME) == (0, True), seconds


def test_a_database_that_does_not_answer_holds_no_stop_up(bot: Bot, database: Role) -> None:
    with cable_to(database.port) as cable:
        bot.share(replace(database, port=cable.port))
        daemon = bot.daemon()
        try:
            daemon.ready(2 * WAIT)
            cable.block()
            code, seconds = stopped(daemon)
        finally:
            daemon.process.kill()
    assert (code, seconds < IN_TIME) == (0, True), seconds
