"""One API budget for replicas on a real PostgreSQL, each with connections of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab import allowance
from bot.adapters.gitlab.answers import Answer
from bot.adapters.gitlab.endpoints import route
from bot.adapters.gitlab.shared_budget import SharedBudget
from bot.adapters.store.board import SharedBoard
from bot.adapters.store.replicas import SharedReplicas
from bot.adapters.store.store import Store
from bot.domain.errors import PutOffError, TransientError
from bot.domain.readings import SharedBudgetReading
from bot.domain.replicas import Replica
from tests.contract.states import shared_store, store_on
from tests.postgres import Role, close_postgres, open_postgres
from tests.unit.release_facts import NOON

pytestmark = pytest.mark.slow
COM = "https://gitlab.com"
API = 2_000  # requests a minute of its API
READS = API // allowance.AT_ONCE * (1 - 1 / allowance.RESERVE)  # what may be read at once
TAGS = route("get", "/projects/7/repository/tags")
NOTE = route("post", "/projects/7/merge_requests/1/notes")
OK = Answer(status=200, plain=False, retry_after=None, throttle=None)
RACK = Answer(status=429, plain=True, retry_after=timedelta(seconds=60), throttle=None)


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = store_on("postgresql", request, tmp_path)
    yield store
    store.close()


def shared_reading(budget: SharedBudget) -> SharedBudgetReading:
    found = budget.reading(NOON).shared
    assert found is not None
    return found


def made(budget: SharedBudget, until: float) -> int:
    """Requests that one thread makes until a moment, as fast as it may."""
    count = 0
    while time.monotonic() < until:
        try:
            budget.settle(budget.ask(TAGS), OK)
        except PutOffError:
            return count
        count += 1
    return count


def test_replicas_together_take_what_one_may_with_few_questions(shared: Store, used_database: Role) -> None:
    """Three with four threads each, at full speed; a write goes at once where all reads wait."""
    stores = [shared_store(used_database) for _ in range(3)]
    for number, store in enumerate(stores):
        SharedReplicas(store.database).beat(Replica(id=str(number), host="h", pid=1, version="1", work="1"))
    budgets = [SharedBudget(COM, SharedBoard(store.database)) for store in stores]
    counts: list[int] = []
    begun = time.monotonic()
    threads = [
        threading.Thread(target=lambda one=budget: counts.append(made(one, begun + 3)))
        for budget in budgets
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    ticket = budgets[0].ask(NOTE)
    assert time.monotonic() - begun < took + 1, "a write waits for no read"
    budgets[0].settle(ticket, OK)
    rate = (API - API / allowance.AT_ONCE) / 60
    assert sum(counts) <= READS + rate * took + 1
    assert sum(counts) >= 0.6 * READS
    readings = [shared_reading(one) for one in budgets]
    assert [one.processes for one in readings] == [3, 3, 3]
    assert all(one.trades <= 12 * took for one in readings), readings
    budgets[1].settle(budgets[1].ask(NOTE), RACK)
    for budget in (budgets[0], budgets[2]):
        with pytest.raises(PutOffError, match="GitLab said 429"):
            budget.ask(NOTE)
    for store in stores:
        store.close()


def test_a_board_that_is_down_is_a_reason_to_live_on_the_share_and_is_found_again() -> None:
    server = open_postgres()
    try:
        store = shared_store(server.database())
        board = SharedBoard(store.database)
        ahead = 0
        budget = SharedBudget(COM, board, clock=lambda: time.monotonic_ns() // 1_000_000 + ahead)
        budget.settle(budget.ask(TAGS), OK)
        server.stop()
        with pytest.raises(TransientError):
            board.change(["a"], lambda now, processes, texts: {"a": "b"})
        ahead = 2_000  # what was taken in advance is not valid any more
        budget.settle(budget.ask(TAGS), OK)
        assert shared_reading(budget).away
        server.start()
        ahead = 10_000
        budget.settle(budget.ask(TAGS), OK)
        assert not shared_reading(budget).away
        store.close()
    finally:
        close_postgres(server)


def test_texts_of_a_board_change_one_process_at_a_time(shared: Store, used_database: Role) -> None:
    stores = [shared_store(used_database) for _ in range(4)]

    def work(store: Store) -> None:
        board = SharedBoard(store.database)
        for _ in range(25):
            board.change(["n"], lambda now, processes, texts: {"n": str(int(texts.get("n", "0")) + 1)})

    threads = [threading.Thread(target=work, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        one.close()
    seen: list[str] = []

    def look(now: int, processes: int, texts: Mapping[str, str]) -> Mapping[str, str]:
        seen.append(texts["n"])
        return {}

    SharedBoard(shared.database).change(["n"], look)
    assert seen == ["100"]
