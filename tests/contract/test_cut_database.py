"""The line between a replica and its database is cut or blocked: what was stored is there once, and the bot goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bot.adapters.store.postgres import open_shared
from bot.adapters.store.store import Store
from bot.domain.errors import TransientError
from tests.cable import Cable, cable_to
from tests.contract.states import shared_store
from tests.postgres import Role
from tests.unit.release_facts import NOON
from tests.waiting import until

pytestmark = pytest.mark.slow


@contextmanager
def by_cable(role: Role, answer_within: float = 75.0) -> Iterator[tuple[Store, Cable]]:
    with cable_to(role.port) as cable:
        far = replace(role, port=cable.port)
        conninfo = far.conninfo | {"connect_timeout": "2"}
        store = Store(open_shared(conninfo, far.url, answer_within=answer_within), str)
        yield store, cable
        store.close()


def test_a_cut_in_the_midst_of_writes_loses_nothing_that_was_stored(database: Role) -> None:
    """Four threads write; the line is cut three times. What a cut left unclear is stored at most once."""
    stored, unclear, over = [], [], threading.Event()

    def work(store: Store, who: int) -> None:
        for number in range(1_000):
            if over.is_set():
                return
            name = f"/{who}/{number}"
            try:
                store.journal.requested("post", name, "accepted", NOON)
                stored.append(name)
            except TransientError:
                unclear.append(name)
                over.wait(0.05)

    with by_cable(database) as (store, cable):
        threads = [threading.Thread(target=work, args=(store, who)) for who in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            so_far, failed = len(stored), len(unclear)
            until(lambda so_far=so_far: len(stored) > so_far + 20)  # type: ignore[misc]  # mypy knows no defaults of lambdas
            cable.cut()
            until(lambda failed=failed: len(unclear) > failed + 2)  # type: ignore[misc]  # as above
            cable.mend()
        so_far = len(stored)
        until(lambda: len(stored) > so_far + 5)
        over.set()
        for thread in threads:
            thread.join()
    near = shared_store(database)
    found = [entry.written.place for entry in near.journal.entries()]
    assert len(found) == len(set(found)), "nothing twice"
    assert set(stored) <= set(found) <= {*stored, *unclear}
    assert near.journal.verify()[1] is None
    near.close()


def test_a_line_on_which_no_answer_comes_is_given_up_in_time(database: Role) -> None:
    """The other side takes all that is sent, so no clock of the kernel's ends it; ours does."""
    with by_cable(database, answer_within=1.0) as (store, cable):
        store.journal.requested("post", "/before", "accepted", NOON)
        cable.block()
        began = time.monotonic()
        with pytest.raises(TransientError):
            store.journal.requested("post", "/meanwhile", "accepted", NOON)
        assert time.monotonic() - began < 8
        cable.mend()
        until(lambda: goes_on(store))
        assert store.journal.verify()[1] is None


def goes_on(store: Store) -> bool:
    try:
        store.journal.requested("post", "/after", "accepted", NOON)
    except TransientError:
        return False
    return True
