"""The engine on a database that the role may use but no more: beside an older version, and on a line that is cut."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bot.adapters.store.postgres import shared_engine
from bot.engine.durable import APPLICATION_VERSION, Engine, Fate, Shared
from tests.cable import cable_to
from tests.contract.states import shared_store
from tests.postgres import Postgres, Role
from tests.waiting import until

pytestmark = pytest.mark.slow
OLDER = "0"  # the version of the work that a replica of an older release takes
PROJECT = 1


def place(role: Role, executor: str) -> Shared:
    return Shared(pool=lambda size: shared_engine(role.conninfo, pool=size), executor=executor, shown=role.url)


def least_rights(postgres: Postgres, role: Role) -> None:
    """As docs/replicas.md says."""
    with postgres.admin(role.database).connect() as connection:
        connection.execute(f"ALTER DATABASE {role.database} OWNER TO postgres")
        connection.execute(f"REVOKE ALL ON DATABASE {role.database} FROM PUBLIC, {role.user}")
        connection.execute(f"GRANT CONNECT ON DATABASE {role.database} TO {role.user}")
        for schema in ("ropewalk", "dbos"):
            connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role.user}")


def written_by(role: Role, key: str, *, status: str, executor: str | None, version: str) -> None:
    """Make a turn that is asked for one of another replica's."""
    with role.connect() as connection:
        done = connection.execute(
            "UPDATE dbos.workflow_status SET status = %s, executor_id = %s, application_version = %s "
            "WHERE workflow_uuid = %s",
            [status, executor, version, f"turn:{key}:0"],
        )
        assert done.rowcount == 1


def known(role: Role, key: str) -> bool:
    with role.connect() as connection:
        ask = "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = %s"
        return connection.execute(ask, [f"turn:{key}:0"]).fetchone() == (1,)


def test_beside_an_older_version_each_takes_its_own_work_and_what_that_leaves_is_asked_for_anew(
    postgres: Postgres, database: Role
) -> None:
    """All with no more rights than two schemas of its own."""
    least_rights(postgres, database)
    shared_store(database).close()
    taken: list[str] = []
    first, go_on = threading.Event(), threading.Event()

    def turn(key: str, number: int) -> str:
        taken.append(key)
        first.set()
        assert go_on.wait(30)
        return "done"

    engine = Engine(place(database, "new"), turn=turn, slot=lambda job: job, workers=4)
    engine.launch()
    try:
        engine.ask(PROJECT, "a", 0)
        assert first.wait(20)
        for key in ("waits", "runs"):  # behind it, since a project has one turn at a time
            assert engine.ask(PROJECT, key, 0) is Fate.ASKED
        written_by(database, "waits", status="ENQUEUED", executor=None, version=OLDER)
        written_by(database, "runs", status="PENDING", executor="old", version=OLDER)
        go_on.set()
        assert engine.adopt(["new", "old"], [APPLICATION_VERSION, OLDER]) == 0
        assert engine.ask(PROJECT, "waits", 0) is Fate.UNDER_WAY
        assert engine.ask(2, "b", 0) is Fate.ASKED
        until(lambda: "b" in taken, 20)
        assert taken == ["a", "b"], "the older version's work is not ours"
        engine.adopt(["new"], [APPLICATION_VERSION])
        assert not known(database, "waits")
        assert not known(database, "runs")
        for key in ("waits", "runs"):
            assert engine.ask(PROJECT, key, 0) is Fate.ASKED
        until(lambda: {"waits", "runs"} <= set(taken), 20)
    finally:
        go_on.set()
        engine.close()
    assert sorted(taken) == ["a", "b", "runs", "waits"]


def test_the_engine_outlasts_a_cut_and_a_turn_that_was_at_work_meanwhile_ends(database: Role) -> None:
    taken: list[str] = []
    at_work, go_on = threading.Event(), threading.Event()

    def turn(key: str, number: int) -> str:
        at_work.set()
        assert go_on.wait(30)
        taken.append(key)
        return "done"

    with cable_to(database.port) as cable:
        engine = Engine(place(replace(database, port=cable.port), "one"), turn=turn, slot=lambda job: job, workers=2)
        engine.launch()
        try:
            engine.ask(PROJECT, "a", 0)
            assert at_work.wait(20)
            cable.cut()
            go_on.set()
            until(lambda: taken == ["a"], 20)
            cable.mend()
            until(lambda: asked(engine, "b"), 40)
            until(lambda: "b" in taken, 40)
        finally:
            go_on.set()
            engine.close()
    assert taken == ["a", "b"]


def asked(engine: Engine, key: str) -> bool:
    try:
        return engine.ask(2, key, 0) in (Fate.ASKED, Fate.UNDER_WAY)
    except Exception:  # noqa: BLE001 - whatever the engine raises: `Runner.run` tries again, too
        return False
