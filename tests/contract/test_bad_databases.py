"""Databases that cannot be used, at the start or of a sudden: a sentence or a later moment, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab.endpoints import REGISTRY
from bot.adapters.store.clock import SharedClock
from bot.adapters.store.database import WRITING
from bot.adapters.store.postgres import look_at_shared, open_shared
from bot.adapters.store.replicas import database_now
from bot.adapters.store.store import Store
from bot.app import App
from bot.cli.doctor import replicas_check, state_check
from bot.cli.serve import enrol_unless_apart
from bot.cli.watch import must_agree
from bot.domain.errors import ConfigError, TransientError
from bot.domain.replicas import Replica
from bot.domain.secrets import Redactor
from bot.domain.verdicts import Verdict
from bot.settings import load
from bot.settings.model import PostgresState
from tests.contract.states import shared_store
from tests.contract.turn_bench import planned
from tests.postgres import UNPRIVILEGED, Postgres, Role, close_postgres, open_postgres, open_standby
from tests.unit.release_facts import NOON
from tests.waiting import until

pytestmark = pytest.mark.slow
KEY = planned().key
ALL = "ALL TABLES IN SCHEMA ropewalk"
Sql = Callable[[Role], list[str]]


def admin(postgres: Postgres, role: Role, statements: list[str]) -> None:
    with postgres.admin(role.database).connect() as connection:
        for one in statements:
            connection.execute(one)


def refusal(conninfo: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        open_shared(conninfo, "postgresql://shown")
    said = str(caught.value)
    assert conninfo["password"] not in said
    assert "\n" not in said
    return said


AT_THE_START: dict[str, tuple[Sql, str]] = {
    "no login": (lambda r: [f"ALTER ROLE {r.user} NOLOGIN"], "is not permitted to log in"),
    "no right to connect": (
        lambda r: [
            f"ALTER DATABASE {r.database} OWNER TO postgres",
            f"REVOKE ALL ON DATABASE {r.database} FROM PUBLIC, {r.user}",
        ],
        "permission denied for database",
    ),
    "the schema is another's": (
        lambda r: ["ALTER SCHEMA ropewalk OWNER TO postgres", f"REVOKE ALL ON SCHEMA ropewalk FROM {r.user}"],
        "The role needs rights that docs/replicas.md lists",
    ),
    "tables may only be read": (
        lambda r: [f"REVOKE INSERT, UPDATE, DELETE ON {ALL} FROM {r.user}"],
        "permission denied for table schema_version. The role needs rights that docs/replicas.md lists",
    ),
    "no connection is left": (lambda r: [f"ALTER ROLE {r.user} CONNECTION LIMIT 0"], "too many connections for role"),
    "read-only": (
        lambda r: [f"ALTER DATABASE {r.database} SET default_transaction_read_only = on"],
        "is read-only for this role",
    ),
    "a newer version": (
        lambda r: ["UPDATE ropewalk.schema_version SET version = 99"],
        "was written by a newer ropewalk (schema 99",
    ),
    "no version": (lambda r: ["DROP TABLE ropewalk.schema_version"], "a schema `ropewalk` that ropewalk did not make"),
}


@pytest.mark.parametrize("case", AT_THE_START, ids=str)
def test_a_database_that_cannot_be_used_ends_the_start_with_one_sentence(
    postgres: Postgres, database: Role, case: str
) -> None:
    """And holds what it held."""
    store = shared_store(database)
    store.releases.add(planned())
    store.close()
    break_it, words = AT_THE_START[case]
    admin(postgres, database, break_it(database))
    assert words in refusal(database.conninfo)
    with postgres.admin(database.database).connect() as connection:
        assert connection.execute("SELECT key FROM ropewalk.releases").fetchall() == [(KEY,)]


WHILE_AT_WORK: dict[str, tuple[Sql, Sql, str]] = {
    "rights are taken away": (
        lambda r: [f"REVOKE INSERT, UPDATE, DELETE ON {ALL} FROM {r.user}"],
        lambda r: [f"GRANT ALL ON {ALL} TO {r.user}"],
        "permission denied for table.*needs its rights back",
    ),
    "it becomes read-only": (
        lambda r: [f"ALTER ROLE {r.user} SET default_transaction_read_only = on"],
        lambda r: [f"ALTER ROLE {r.user} RESET default_transaction_read_only"],
        "in a read-only transaction",
    ),
    "all connections go to others": (
        lambda r: [f"ALTER ROLE {r.user} CONNECTION LIMIT 0"],
        lambda r: [f"ALTER ROLE {r.user} CONNECTION LIMIT -1"],
        "too many connections for role",
    ),
    "the password is changed": (
        lambda r: [f"ALTER ROLE {r.user} PASSWORD 'another'"],
        lambda r: [f"ALTER ROLE {r.user} PASSWORD '{r.password}'"],
        "password authentication failed",
    ),
}


@pytest.mark.parametrize("case", WHILE_AT_WORK, ids=str)
def test_a_database_that_turns_bad_is_a_reason_to_try_later(postgres: Postgres, database: Role, case: str) -> None:
    """All that was stored is there afterwards, what was refused is not, and the ledger's chain is whole."""
    break_it, mend, words = WHILE_AT_WORK[case]
    store = shared_store(database, rested=0)
    store.releases.add(planned())
    store.journal.requested("post", "/before", "accepted", NOON)
    admin(postgres, database, break_it(database))
    postgres.terminate(database)
    for _ in range(2):
        with pytest.raises(TransientError, match=words) as caught:
            store.journal.requested("post", "/meanwhile", "accepted", NOON)
        assert database.password not in str(caught.value)
    admin(postgres, database, mend(database))
    postgres.terminate(database)
    after(store)
    store.close()


@pytest.mark.parametrize(("rested", "felt"), [(0.0, False), (3600.0, True)], ids=["rested", "at work"])
def test_a_connection_that_broke_is_felt_at_most_once(
    postgres: Postgres, database: Role, rested: float, felt: bool
) -> None:
    """One that lay idle is tried first; one that was at work a moment ago is not, and takes all others with it."""
    store = shared_store(database, rested=rested)
    store.releases.add(planned())
    store.journal.requested("post", "/before", "accepted", NOON)
    postgres.terminate(database)
    if felt:
        with pytest.raises(TransientError):
            store.releases.wake(KEY, NOON)
    after(store)
    store.close()


def after(store: Store) -> None:
    """The bot goes on."""
    assert store.releases.wake(KEY, NOON)
    store.journal.requested("post", "/after", "accepted", NOON)
    assert [entry.written.words for entry in store.journal.entries()] == ["POST /before", "POST /after"]
    assert store.journal.verify()[1] is None


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of two megabytes, made by whoever may."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may make a small file system")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", folder], check=True)
    try:
        os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_a_reason_to_try_later_until_there_is_room(postgres: Postgres, database: Role) -> None:
    store = shared_store(database)
    store.releases.add(planned())
    store.journal.requested("post", "/before", "accepted", NOON)
    where = "ALTER TABLE ropewalk.ledger SET TABLESPACE"
    with small_disk(postgres.folder / "small") as folder, postgres.admin(database.database).connect() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        connection.execute(f"{where} small")
        try:
            stored = until_full(store)
            assert stored > 10
            chain, broken = store.journal.verify()
            assert (chain.sequence, broken) == (stored + 1, None)
            subprocess.run(["mount", "-o", "remount,size=32m", folder], check=True)
            store.journal.requested("post", "/after", "accepted", NOON)
            assert store.journal.verify()[0].sequence == stored + 2
        finally:
            subprocess.run(["mount", "-o", "remount,size=32m", folder], check=True)
            connection.execute(f"{where} pg_default")
            connection.execute("DROP TABLESPACE small")
    store.close()


def until_full(store: Store) -> int:
    """Write until the disk is full; how many entries were stored."""
    for stored in range(5_000):
        try:
            store.journal.requested("post", f"/{os.urandom(1_200).hex()}", "accepted", NOON)
        except TransientError as error:
            assert "No space left on device" in str(error)
            return stored
    raise AssertionError("it is never full")


def test_two_organisations_or_two_keys_on_one_database_are_refused(database: Role, tmp_path: Path) -> None:
    """Neither may take the other's releases for its own."""

    def app(url: str, key: str) -> App:
        path = tmp_path / "ropewalk.yaml"
        path.write_text(f"gitlab: {{url: '{url}'}}\nwatch: {{groups: [acme]}}\nstate: {database.url}\n")
        secrets = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij", "ROPEWALK_MARKER_KEY": key}
        settings = load(path, secrets | {"ROPEWALK_STATE_PASSWORD": database.password}, tmp_path)
        assert isinstance(settings.state, PostgresState)
        return App(settings, Redactor())

    one, key = "https://gitlab.example.com", "the one marker key of this organisation"
    first = app(one, key)
    first.store.releases.add(planned())
    for url, other, words in (
        ("https://other.example.com", key, r"is the state of another GitLab \(https://gitlab.example.com\)"),
        (one, "the one marker key of somebody else", "another marker key: its notes would not be known again"),
    ):
        with pytest.raises(ConfigError, match=words):
            app(url, other)
    assert [row.key for row in first.store.releases.releases()] == [KEY]
    # Moments that they leave to each other are the database's, whatever their machines' clocks say.
    assert isinstance(first.clock, SharedClock)
    assert abs(first.clock() - database_now(first.store.database)) < timedelta(seconds=1)
    first.close()


def records_of(database: Role, folder: Path, *, reads: bool = True, group: str = "acme") -> App:
    path = folder / "ropewalk.yaml"
    path.write_text(
        f"gitlab: {{url: 'https://gitlab.example.com'}}\nwatch: {{groups: [{group}]}}\nstate: {database.url}\n"
    )
    secrets = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij", "ROPEWALK_MARKER_KEY": "one marker key of ours"}
    settings = load(path, secrets | {"ROPEWALK_STATE_PASSWORD": database.password}, folder)
    return App(settings, Redactor(), reads=reads)


@pytest.mark.parametrize(
    ("case", "obstacle"),
    [("tables may only be read", "may only be read by this role"), ("read-only", "is read-only for this role")],
)
def test_what_only_reads_works_where_nothing_may_be_written(
    postgres: Postgres, database: Role, tmp_path: Path, case: str, obstacle: str
) -> None:
    """And waits for nobody who writes; the daemon is still refused, and `doctor` says why."""
    writer = records_of(database, tmp_path, reads=False)
    writer.store.releases.add(planned())
    writer.store.journal.requested("post", "/before", "accepted", NOON)
    break_it, words = AT_THE_START[case]
    admin(postgres, database, break_it(database))
    reader = records_of(database, tmp_path)
    with writer.store.database.engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")
        assert [row.key for row in reader.store.releases.releases()] == [KEY]
        assert reader.store.journal.verify()[0].sequence == 1
        assert reader.replicas is not None
        assert reader.replicas.members() == ()
    with pytest.raises(TransientError, match="read-only transaction"):
        reader.store.releases.wake(KEY, NOON)
    with reader.budget.work():
        reader.budget.settle(reader.budget.ask(REGISTRY), None)
    checked = state_check(reader)
    assert checked.verdict is Verdict.FAIL
    assert obstacle in checked.reason
    reader.close()
    writer.close()
    assert words in refusal(database.conninfo)


def test_replicas_that_watch_something_else_enrol_nothing_until_one_of_them_is_gone(
    database: Role, tmp_path: Path
) -> None:
    """Two organisations of one GitLab with one key, or a configuration that is being rolled out: who can tell?"""
    old, new = (records_of(database, tmp_path, reads=False, group=group) for group in ("acme", "other"))
    enrolled: list[str] = []
    agreed = threading.Event()
    with ExitStack() as life:
        life.enter_context(old.serving())
        assert replicas_check(old, members(old)).verdict is Verdict.PASS
        assert replicas_check(new, members(new)).verdict is Verdict.UNKNOWN, "it may be a new configuration"
        with pytest.raises(ConfigError, match=r"is watched by .* with another `watch` or `releases`"):
            must_agree(new)
        enrol_unless_apart(old, lambda: enrolled.append("old"))
        assert enrolled.pop() == "old"
        with ExitStack() as newer:
            newer.enter_context(new.serving())
            assert new.membership is not None
            new.membership.agreeing(agreed.set)
            for bot in (old, new):
                enrol_unless_apart(bot, lambda: enrolled.append("one"))
                found = replicas_check(bot, members(bot))
                assert found.verdict is Verdict.FAIL
                assert "so nothing new is enrolled" in found.reason
            assert enrolled == []
            assert len(new.apart()) == 2
            life.close()
            enrol_unless_apart(new, lambda: enrolled.append("new"))
            assert enrolled == ["new"]
            assert not agreed.is_set()
            new.membership.compare(members(new), 0.0)
            assert agreed.is_set(), "what rested is made up for"
        assert replicas_check(new, members(new)).reason == "none is at work"
    old.close()
    new.close()


def members(bot: App) -> tuple[Replica, ...]:
    assert bot.replicas is not None
    return bot.replicas.members()


def test_what_only_reads_makes_nothing_in_an_empty_database(database: Role, tmp_path: Path) -> None:
    bot = records_of(database, tmp_path)
    assert bot.store.releases.releases() == ()
    assert bot.replicas is None
    bot.close()
    with database.connect() as connection:
        assert connection.execute("SELECT to_regnamespace('ropewalk') IS NULL").fetchone() == (True,)


def test_a_standby_is_refused_and_of_two_hosts_the_one_that_takes_writes_is_found() -> None:
    """Before, while and after the second takes over from the first: the address stays, and nothing is lost."""
    primary = open_postgres()
    standby: Postgres | None = None
    try:
        role = primary.database()
        standby = open_standby(primary)
        second = replace(role, port=standby.port)
        both = role.conninfo | {"host": "127.0.0.1,127.0.0.1", "port": f"{standby.port},{primary.port}"}
        both |= {"target_session_attrs": "read-write"}
        store = Store(open_shared(both, "postgresql://both"), str)
        store.releases.add(planned())
        store.journal.requested("post", "/before", "accepted", NOON)
        until(lambda: followed(second))
        assert "is a standby, which takes no writes" in refusal(second.conninfo)
        looks = look_at_shared(second.conninfo, "postgresql://standby")
        assert looks is not None
        assert [row.key for row in Store(looks, str, reads=True).releases.releases()] == [KEY]
        looks.dispose()
        assert "several hosts with `?target_session_attrs=read-write`" in refusal(second.conninfo)
        primary.stop()
        with pytest.raises(TransientError):
            store.journal.requested("post", "/meanwhile", "accepted", NOON)
        with standby.admin().connect() as connection:
            connection.execute("SELECT pg_promote()")
        until(lambda: woken(store))
        after(store)
        store.close()
    finally:
        for server in (standby, primary):
            if server is not None:
                close_postgres(server)


def followed(role: Role) -> bool:
    with role.connect() as connection:
        there = connection.execute("SELECT to_regclass('ropewalk.ledger') IS NOT NULL").fetchone()
        return there == (True,) and connection.execute("SELECT count(*) FROM ropewalk.ledger").fetchone() == (1,)


def woken(store: Store) -> bool:
    try:
        return store.releases.wake(KEY, NOON)
    except TransientError:
        return False
