"""A state on PostgreSQL: who may use it, what it refuses, and that two processes never write of one turn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.store.postgres import OLDEST, open_shared
from bot.adapters.store.replicas import SharedReplicas
from bot.adapters.store.schema import VERSION
from bot.adapters.store.store import Store
from bot.domain.commands import Heard, NoteHome, NotePlace, Recent
from bot.domain.errors import ConfigError, FencedError, TransientError
from bot.domain.releases import AttemptOutcome, ReleaseState
from bot.domain.replicas import TTL, Replica
from bot.engine.local import end_turn
from tests.contract.states import shared_store, store_on
from tests.contract.turn_bench import planned
from tests.postgres import Postgres, Role, close_postgres, open_postgres
from tests.unit.release_facts import NOON, attempt

pytestmark = pytest.mark.slow
KEY = planned().key
ONE = Replica(id="one", host="h", pid=1, version="1", work="1")


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = store_on("postgresql", request, tmp_path)
    yield store
    store.close()


def refusal(role: Role, *, oldest: int = OLDEST) -> str:
    with pytest.raises(ConfigError) as caught:
        open_shared(role.conninfo, role.url, oldest=oldest)
    said = str(caught.value)
    assert role.password not in said
    assert "\n" not in said
    return said


def admin(postgres: Postgres, role: Role, *statements: str) -> None:
    with postgres.admin(role.database).connect() as connection:
        for one in statements:
            connection.execute(one)


def test_whoever_may_not_use_it_is_told_why_in_one_sentence(postgres: Postgres, database: Role) -> None:
    assert "password authentication failed" in refusal(replace(database, password="wrong"))
    assert "does not exist" in refusal(replace(database, database="nowhere"))
    assert "is PostgreSQL 18" in refusal(database, oldest=99)
    admin(postgres, database, f"ALTER ROLE {database.user} SET default_transaction_read_only = on")
    assert "is read-only for this role" in refusal(database)
    admin(postgres, database, f"ALTER ROLE {database.user} RESET ALL", "CREATE SCHEMA ropewalk")
    admin(postgres, database, f"GRANT CREATE, USAGE ON SCHEMA ropewalk TO {database.user}")
    admin(postgres, database, "CREATE TABLE ropewalk.others (id int)")
    assert "that ropewalk did not make" in refusal(database)
    free = replace(database, port=1)
    assert "cannot be used: connection failed" in refusal(free)


def test_a_role_that_owns_two_schemas_and_nothing_else_is_enough_and_less_is_not(
    postgres: Postgres, database: Role
) -> None:
    """As docs/replicas.md says; a role that may not make schemas is told what it lacks."""
    user = database.user
    admin(postgres, database, f"ALTER DATABASE {database.database} OWNER TO postgres")
    admin(postgres, database, f"REVOKE ALL ON DATABASE {database.database} FROM PUBLIC, {user}")
    admin(postgres, database, f"GRANT CONNECT ON DATABASE {database.database} TO {user}")
    assert "permission denied" in refusal(database)
    assert "The role needs rights that docs/replicas.md lists" in refusal(database)
    for schema in ("ropewalk", "dbos"):
        admin(postgres, database, f"CREATE SCHEMA {schema} AUTHORIZATION {user}")
    store = shared_store(database)
    assert store.releases.add(planned())
    store.close()


def test_an_earlier_version_is_brought_up_to_date_with_all_it_holds_and_a_newer_one_refused(database: Role) -> None:
    store = shared_store(database)
    assert store.releases.add(planned())
    store.close()
    with database.connect() as connection:
        for column in ("heard_at", "fence"):
            connection.execute(f"ALTER TABLE ropewalk.releases DROP COLUMN {column}")
        connection.execute("DROP TABLE ropewalk.replicas")
        connection.execute("UPDATE ropewalk.schema_version SET version = 2")
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(shared_store(database))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[row.key for row in one.releases.releases()] for one in opened] == [[KEY]] * 3
    assert SharedReplicas(opened[0].database).beat(ONE)
    for one in opened:
        one.close()
    with database.connect() as connection:
        connection.execute(f"UPDATE ropewalk.schema_version SET version = {VERSION + 1}")
    assert f"newer ropewalk (schema {VERSION + 1}, this one knows {VERSION})" in refusal(database)


def test_nul_in_a_text_is_dropped_and_not_a_fault(shared: Store) -> None:
    assert shared.releases.add(replace(planned(), next="a\0b"))
    (row,) = shared.releases.releases()
    assert row.next == "ab"


def test_commands_in_notes_are_heard_kept_and_found_again(shared: Store) -> None:
    place = NotePlace(project_id=42, home=NoteHome.MERGE_REQUEST, iid=3)
    assert shared.commands.hear([Heard(note_id=2**40, place=place), Heard(note_id=2**40, place=place)], NOON) == 1
    (note,) = shared.commands.due(NOON, 5)
    tried = replace(note, tries=1, author_id=7)
    assert shared.commands.keep(tried, note)
    assert not shared.commands.keep(tried, note)
    assert shared.commands.due(NOON, 5) == (tried,)
    assert shared.commands.answered(place, 5) == ()
    assert shared.commands.recent(42, NOON) == Recent()


def test_whoever_lost_the_turn_can_write_nothing_more_of_it(shared: Store) -> None:
    """Neither a claim nor a proof nor the row, and not after a moment in which all was still well."""
    replicas = SharedReplicas(shared.database)
    shared.releases.add(planned())
    (release,) = shared.releases.releases()
    with replicas.hold(release) as ours:
        assert ours
        shared.ledger.attempt(KEY, attempt(AttemptOutcome.CLAIMED))
        replicas.must_hold()
        taken = threading.Thread(target=lambda: _end(shared, replicas))
        taken.start()
        taken.join()
        for write in (
            replicas.must_hold,
            lambda: shared.ledger.attempt(KEY, attempt(AttemptOutcome.ACCEPTED)),
            lambda: shared.ledger.record(KEY, []),
            lambda: shared.releases.finish(release, wake_seen=0),
            lambda: shared.journal.requested("post", "/x", "accepted", NOON),
            lambda: shared.journal.requesting("post", "/x", NOON),
        ):
            with pytest.raises(FencedError):
                write()
    assert [one.outcome for one in shared.ledger.attempts(KEY)] == [AttemptOutcome.CLAIMED]
    (row,) = shared.releases.releases()
    assert (row.state, row.turn) == (ReleaseState.PUBLISHED, release.turn + 1)
    with replicas.hold(release) as ours:
        assert not ours, "the turn is over"
    replicas.must_hold()


def _end(store: Store, replicas: SharedReplicas) -> None:
    (release,) = store.releases.releases()
    ended = replace(release, state=ReleaseState.PUBLISHED, due_at=None)
    assert end_turn(store.releases, release, lambda _: ended, lambda: NOON, replicas.hold) == ended


def test_signs_of_life_are_told_by_the_database_clock(shared: Store) -> None:
    """The dead are seen as dead, and one that wakes is told so; who leaves is gone at once."""
    replicas = SharedReplicas(shared.database)
    assert replicas.beat(ONE)
    assert replicas.beat(replace(ONE, id="two"))
    assert replicas.beat(ONE)
    assert {one.id: one.alive for one in replicas.members()} == {"one": True, "two": True}
    late = timedelta(seconds=TTL.total_seconds() + 1)
    with shared.engine.begin() as connection:
        then = datetime.fromisoformat(
            connection.exec_driver_sql("SELECT beat_at FROM replicas WHERE id = 'two'").scalar_one()
        )
        stamp = (then - late).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.exec_driver_sql(f"UPDATE replicas SET beat_at = '{stamp}' WHERE id = 'two'")
    assert {one.id: one.alive for one in replicas.members()} == {"one": True, "two": False}
    assert not replicas.beat(replace(ONE, id="two"))
    assert replicas.beat(replace(ONE, id="two"))
    replicas.leave("one")
    assert [one.id for one in replicas.members()] == ["two"]


def test_writers_of_several_processes_make_one_chain(shared: Store, used_database: Role) -> None:
    others = [shared_store(used_database) for _ in range(3)]

    def work(store: Store) -> None:
        for number in range(10):
            store.journal.requested("post", f"/{number}", "accepted", NOON)

    threads = [threading.Thread(target=work, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    chain, broken = shared.journal.verify()
    assert (chain.sequence, broken) == (30, None)


def test_a_server_that_stops_hard_is_a_reason_to_try_later_and_loses_nothing() -> None:
    server = open_postgres()
    try:
        role = server.database()
        store = shared_store(role)
        store.releases.add(planned())
        server.stop(signal.SIGQUIT)
        with pytest.raises(TransientError):
            store.releases.releases()
        with pytest.raises(TransientError):
            store.releases.wake(KEY, NOON)
        server.start()
        assert [row.key for row in store.releases.releases()] == [KEY]
        assert store.releases.wake(KEY, NOON)
        store.close()
    finally:
        close_postgres(server)
