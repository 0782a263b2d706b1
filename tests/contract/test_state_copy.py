"""A state moves from a file to a database and back, whole or not at all, and never into one that is in use."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from bot.adapters.index.locks import UploadLocks
from bot.adapters.store.copying import copy
from bot.adapters.store.postgres import shared_engine
from bot.adapters.store.replicas import SharedReplicas
from bot.adapters.store.sendings import SharedSendings
from bot.adapters.store.store import Store
from bot.app.copying import copy_state, own_key, save
from bot.domain.errors import ConfigError, TransientError
from bot.domain.releases import Receipt
from bot.domain.replicas import Replica
from bot.domain.secrets import Secret
from bot.ports.index import Sender
from bot.settings import Settings, load
from bot.settings.model import PostgresState, SqliteState
from tests.contract.full_state import KEY, fill, rows
from tests.contract.states import file_store, shared_store
from tests.postgres import Role
from tests.unit.release_facts import NOON

ONE = Replica(id="one", host="h", pid=1, version="1", work="1")
FULL = """
CREATE FUNCTION ropewalk.no_room() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$
"""
MARKER = "the one marker key of this organisation"


def settings_of(folder: Path, state: str = "sqlite:///ropewalk.db", key: str | None = MARKER) -> Settings:
    folder.mkdir(exist_ok=True)
    config = {"gitlab": {"url": "https://gitlab.example.com"}, "watch": {"groups": ["acme"]}, "state": state}
    path = folder / "ropewalk.yaml"
    path.write_text(yaml.safe_dump(config))
    environ = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij", "ROPEWALK_STATE_PASSWORD": "unused"}
    return load(path, environ | ({"ROPEWALK_MARKER_KEY": key} if key else {}), folder)


def file_state(path: Path) -> SqliteState:
    return SqliteState(path=path)


def database_state(role: Role, folder: Path) -> PostgresState:
    words = {name: text for name, text in role.conninfo.items() if name != "password"}
    return PostgresState(words=tuple(words.items()), password=Secret(role.password), shown=role.url, files=folder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "config")


@pytest.fixture
def source(tmp_path: Path) -> SqliteState:
    """A file with something in every table."""
    state = file_state(tmp_path / "one" / "ropewalk.db")
    store = file_store(state.path)
    fill(store)
    store.close()
    return state


@contextmanager
def opened(state: SqliteState) -> Iterator[Store]:
    store = file_store(state.path)
    yield store
    store.close()


@pytest.mark.slow
def test_a_state_moves_to_a_database_and_back_with_all_it_holds(
    source: SqliteState, settings: Settings, database: Role, tmp_path: Path
) -> None:
    with opened(source) as store:
        before = rows(store)
    assert all(before.values()), "something is in every table"
    shared = database_state(database, tmp_path)
    copied = copy_state(source, shared, settings, new_key=False)
    assert dict(copied.tables) == {name: len(listed) for name, listed in before.items()}
    assert copied.chain.sequence == 5
    there = shared_store(database)
    assert rows(there) == before
    there.ledger.record(KEY, [Receipt(target="index:y", kind="upload", where="w", at=NOON, file="f", sha256="0" * 64)])
    there.close()
    with pytest.raises(ConfigError, match="holds a state already"):
        copy_state(source, shared, settings, new_key=False)
    back = file_state(tmp_path / "two" / "ropewalk.db")
    assert copy_state(shared, back, settings, new_key=False).chain.sequence == 6
    with opened(back) as store:
        after = rows(store)
        assert after | {"receipts": [], "ledger": []} == before | {"receipts": [], "ledger": []}
        assert len(after["receipts"]) == len(before["receipts"]) + 1
        assert store.journal.verify()[1] is None


@pytest.mark.slow
def test_what_breaks_off_leaves_nothing_behind(
    source: SqliteState, settings: Settings, database: Role, tmp_path: Path
) -> None:
    """A full disk at the last table: the next try begins with an empty database."""
    shared = database_state(database, tmp_path)
    shared_store(database).close()
    with database.connect() as connection:
        connection.execute(FULL)
        connection.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON ropewalk.tags FOR EACH ROW EXECUTE FUNCTION ropewalk.no_room()"
        )
    with pytest.raises(TransientError, match="no room"):
        copy_state(source, shared, settings, new_key=False)
    store = shared_store(database)
    assert not any(rows(store).values())
    store.close()
    with database.connect() as connection:
        connection.execute("DROP TRIGGER no_room ON ropewalk.tags")
    assert copy_state(source, shared, settings, new_key=False).chain.sequence == 5


@pytest.mark.slow
def test_a_database_in_use_is_neither_read_nor_written(
    source: SqliteState, settings: Settings, database: Role, tmp_path: Path
) -> None:
    shared, other = database_state(database, tmp_path), file_state(tmp_path / "two" / "ropewalk.db")
    store = shared_store(database)
    SharedReplicas(store.database).beat(ONE)
    for here, there in ((source, shared), (shared, other)):
        with pytest.raises(ConfigError, match=r"is in use by one\. Stop all replicas first"):
            copy_state(here, there, settings, new_key=False)
    SharedReplicas(store.database).leave("one")
    sender = Sender(token="1" * 32, boot="b", lock="l", inode="1:1")
    SharedSendings(store.database).begin("0" * 32, sender, 60)
    with pytest.raises(ConfigError, match="may still be sending a file"):
        copy_state(shared, other, settings, new_key=False)
    SharedSendings(store.database).end("0" * 32, sender.token)
    store.close()
    with pytest.raises(ConfigError, match="needs a marker key"):
        copy_state(source, shared, settings_of(tmp_path / "keyless", key=None), new_key=True)
    copy_state(source, shared, settings, new_key=True)
    with pytest.raises(ConfigError, match="signed its notes with another marker key"):
        copy_state(shared, other, settings_of(tmp_path / "other", key="another key than that one"), new_key=False)
    assert copy_state(shared, other, settings, new_key=False).chain.sequence == 5


@pytest.mark.slow
def test_a_replica_that_starts_before_the_copy_has_its_lock_is_noticed(
    source: SqliteState, settings: Settings, database: Role, tmp_path: Path
) -> None:
    """And one that starts afterwards waits, and is told so before it does anything."""
    other = file_state(tmp_path / "two" / "ropewalk.db")
    shared, target = shared_store(database), file_store(other.path)
    replicas = SharedReplicas(shared.database)
    shown = (database.url, str(other.path))
    replicas.beat(ONE)
    for one, two, at in ((shared, target, shown), (target, shared, shown[::-1])):
        with pytest.raises(ConfigError, match=r"is in use by one\. Stop all replicas first"):
            copy(one, two, shown=at, without=frozenset(), words={})
    replicas.leave("one")
    assert copy(shared, target, shown=shown, without=frozenset(), words={}).chain.sequence == 0
    with shared.database.gather():
        late = Store(shared_engine(database.conninfo, settings={"lock_timeout": "200ms"}), str)
        with pytest.raises(TransientError, match="lock timeout"):
            SharedReplicas(late.database).beat(ONE)
        late.close()
    assert replicas.members() == ()
    shared.close()
    target.close()


def held_by_a_daemon(state: SqliteState) -> Callable[[], object]:
    lock = FileLock(f"{state.engine_path}.lock")
    lock.acquire()
    return lock.release


def held_by_an_upload(state: SqliteState) -> Callable[[], object]:
    path = UploadLocks(state.files / "locks").path("https://index.example.com/", "widget")
    opened_file = path.open("w")
    fcntl.flock(opened_file, fcntl.LOCK_EX)
    return opened_file.close


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        (held_by_a_daemon, "is in use: a daemon .* works on it. Stop it first"),
        (held_by_an_upload, "an upload is still under way"),
    ],
)
def test_a_file_in_use_is_not_copied(
    source: SqliteState,
    settings: Settings,
    tmp_path: Path,
    hold: Callable[[SqliteState], Callable[[], object]],
    words: str,
) -> None:
    target = file_state(tmp_path / "two" / "ropewalk.db")
    release = hold(source)
    with pytest.raises(ConfigError, match=words):
        copy_state(source, target, settings, new_key=False)
    release()
    assert copy_state(source, target, settings, new_key=False).chain.sequence == 5
    release = hold(target)
    with pytest.raises(ConfigError, match=words):
        copy_state(source, target, settings, new_key=False)
    release()


def test_what_cannot_be_a_source_is_refused_and_makes_nothing(
    source: SqliteState, settings: Settings, tmp_path: Path
) -> None:
    target = file_state(tmp_path / "two" / "ropewalk.db")
    with pytest.raises(ConfigError, match="there is no such state"):
        copy_state(file_state(tmp_path / "typo.db"), target, settings, new_key=False)
    with pytest.raises(ConfigError, match="are the same"):
        copy_state(source, source, settings, new_key=False)
    with closing(sqlite3.connect(source.path)) as database:
        database.execute("DROP TRIGGER ledger_no_update")
        database.execute("UPDATE ledger SET outcome = 'refused' WHERE sequence = 2")
        database.commit()
    with pytest.raises(ConfigError, match="its ledger is broken at entry 2"):
        copy_state(source, target, settings, new_key=False)
    with opened(target) as store:
        assert not any(rows(store).values())


def test_a_key_that_the_state_kept_must_go_with_it(source: SqliteState, tmp_path: Path) -> None:
    """Else the notes of before would not be known again, and be written a second time."""
    with opened(source) as store:
        kept = store.words.once("marker key", "kept by the state itself")
    assert own_key(source) == Secret(kept)
    target = file_state(tmp_path / "two" / "ropewalk.db")
    with pytest.raises(ConfigError, match="ropewalk state key FILE"):
        copy_state(source, target, settings_of(tmp_path / "other"), new_key=False)
    same = settings_of(tmp_path / "same", key=kept)
    copy_state(source, target, same, new_key=False)
    assert own_key(target) is None, "the configuration names it now"
    third = file_state(tmp_path / "three" / "ropewalk.db")
    copy_state(source, third, settings_of(tmp_path / "keyless", key=None), new_key=False)
    assert own_key(third) == Secret(kept)


def test_a_backup_is_whole_though_somebody_writes_and_can_be_started_from(source: SqliteState, tmp_path: Path) -> None:
    copy = tmp_path / "backup.db"
    with opened(source) as store:
        store.journal.requested("post", "/x", "accepted", NOON)  # still in the write-ahead log
        assert save(source, copy) == copy.stat().st_size
        before = rows(store)
        store.journal.requested("post", "/y", "accepted", NOON)
    assert copy.stat().st_mode & 0o777 == 0o600
    with opened(file_state(copy)) as store:
        assert rows(store) == before
        assert store.journal.verify()[1] is None
    with pytest.raises(ConfigError, match="cannot be made: File exists"):
        save(source, copy)
    with pytest.raises(ConfigError, match="there is no such state"):
        save(file_state(tmp_path / "typo.db"), tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()
