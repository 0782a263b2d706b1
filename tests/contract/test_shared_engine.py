"""The durable engine on PostgreSQL: what a dead process had begun is taken over, and a slot is one for all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.store.postgres import shared_engine
from bot.domain.errors import ConfigError
from bot.engine.durable import APPLICATION_VERSION, Engine, Fate, Shared
from bot.engine.runner import AHEAD, LEFT_LYING, Runner
from tests.contract.durable_bench import Now, Turns, add, due, published
from tests.contract.states import shared_store
from tests.contract.turn_bench import planned
from tests.postgres import Role
from tests.waiting import until

pytestmark = pytest.mark.slow
SLOT = datetime(2026, 8, 3, 12, tzinfo=UTC)


def place(role: Role, executor: str) -> Shared:
    return Shared(pool=lambda size: shared_engine(role.conninfo, pool=size), executor=executor, shown=role.url)


def test_what_a_dead_process_had_begun_is_taken_over_and_a_slot_comes_once(database: Role) -> None:
    """Not what a living one is at; and a slot that two processes ask for is run once."""
    died = subprocess.run(
        [sys.executable, "-m", "tests.contract.shared_child"],
        input=json.dumps(database.conninfo),
        text=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    taken, slots, came = [], [], threading.Event()

    def turn(key: str, number: int) -> str:
        taken.append((key, number))
        came.set()
        return "done"

    def slot(job: str) -> str:
        slots.append(job)
        return "done"

    engine = Engine(place(database, "the living"), turn=turn, slot=slot, workers=2)
    engine.launch()
    try:
        assert engine.adopt(["the living", "the dead"], [APPLICATION_VERSION]) == 0
        assert engine.ask(1, "a release", 0) is Fate.UNDER_WAY
        assert taken == []
        assert engine.adopt(["the living"], [APPLICATION_VERSION]) == 1
        assert came.wait(20)
        assert taken == [("a release", 0)]
        for _ in range(3):
            engine.slot("poll", SLOT)
        engine.slot("look", SLOT)
        with database.connect() as connection:
            pause = threading.Event()
            for _ in range(200):
                query = "SELECT count(*) FROM dbos.workflow_status WHERE name = 'slot' AND status = 'SUCCESS'"
                if connection.execute(query).fetchone() == (2,):
                    break
                pause.wait(0.1)
        assert sorted(slots) == ["look", "poll"]
    finally:
        engine.close()


def test_what_others_are_at_takes_no_room_from_what_we_could_do(database: Role) -> None:
    """The oldest turns hang in a replica that lives: another one, with room for just as many, does the rest."""
    hung, begun = threading.Event(), threading.Semaphore(0)

    def hang(key: str, number: int) -> str:
        begun.release()
        assert hung.wait(60)
        return f"{key} {number}"

    store = shared_store(database)
    old = datetime.now(UTC) - timedelta(hours=1)
    oldest = [planned(number, f"v{number}", due_at=old) for number in range(AHEAD)]
    add(store, *oldest, *(due(100 + number, f"w{number}") for number in range(5)))
    other = Engine(place(database, "the other"), turn=hang, slot=lambda job: "", workers=AHEAD)
    other.launch()
    for release in oldest:
        assert other.ask(release.id.project_id, release.key, 0) is Fate.ASKED
    for _ in oldest:
        assert begun.acquire(timeout=20)
    other.close()  # of this process only: in the tables they are under way there for ever
    turns = Turns()
    ours = Runner(
        queue=store.releases, turn=turns, clock=lambda: datetime.now(UTC), workers=1, path=place(database, "ours")
    )
    ours.start()
    thread = threading.Thread(target=ours.run)
    thread.start()
    try:
        until(published(store, 5), 10)
        assert {ref[0] for ref in turns.begun} == {"w"}
    finally:
        hung.set()
        assert ours.stop(20)
        thread.join(20)
        store.close()


def test_of_many_turns_each_process_asks_for_its_own_first_and_then_for_what_others_leave(database: Role) -> None:
    store = shared_store(database)
    add(store, *(due(number, f"v{number}") for number in range(10)))
    turns = Turns(gate=False)
    clock = Now()
    runner = Runner(
        queue=store.releases,
        turn=turns,
        clock=clock,
        workers=2,
        path=place(database, "ours"),
        ours=lambda project: project % 2 == 0,
    )
    runner.start()
    try:
        assert runner.run_due() == 2 * AHEAD
        with database.connect() as connection:
            asked = connection.execute("SELECT queue_partition_key FROM dbos.workflow_status").fetchall()
        assert {int(str(project)) % 2 for (project,) in asked} == {0}
        clock.ahead = 2 * LEFT_LYING
        turns.gate.set()
        until(lambda: runner.run_due() >= 0 and published(store, 10)(), 30)
    finally:
        turns.gate.set()
        assert runner.stop(20)
        store.close()


def test_a_database_that_the_engine_may_not_use_ends_the_start_with_a_sentence(database: Role) -> None:
    engine = Engine(place(database, "nobody"), turn=lambda key, number: "", slot=lambda job: "", workers=1)
    with database.connect() as connection:
        connection.execute(f"ALTER ROLE {database.user} SET default_transaction_read_only = on")
    try:
        with pytest.raises(ConfigError, match=r"the engine cannot work on it: .*read-only") as caught:
            engine.launch()
        assert database.password not in str(caught.value)
    finally:
        engine.close()
