"""What only reads leaves nothing behind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.adapters.store.store import Store
from bot.app import App
from bot.cli.doctor import state_check
from bot.domain.errors import ConfigError, TransientError
from bot.domain.secrets import Redactor
from bot.domain.verdicts import Verdict
from bot.settings.loading import load
from tests.contract.states import file_store
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[1] / "data" / "state"
CONFIG = """
gitlab: {url: http://127.0.0.1:9, token_file: token}
watch: {groups: [acme]}
state: sqlite:///below/ropewalk.db
indexes: {registry: {kind: gitlab}}
releases: [{projects: ["acme/**"], tags: ["v*"], indexes: [registry]}]
"""


def app(folder: Path, *, reads: bool) -> App:
    (folder / "token").write_text("glpat-of-nobody")
    (folder / "ropewalk.yaml").write_text(CONFIG)
    return App(load(folder / "ropewalk.yaml", {}, folder), Redactor(), reads=reads)


def test_without_a_state_a_command_that_reads_makes_none(tmp_path: Path) -> None:
    bot = app(tmp_path, reads=True)
    home = bot.home
    try:
        assert bot.store.releases.releases() == ()
        assert bot.store.words.once("marker key", "made up") == "made up"
        assert home.parent.exists()
    finally:
        bot.close()
    assert {path.name for path in tmp_path.iterdir()} == {"token", "ropewalk.yaml"}
    assert not home.parent.exists()


@pytest.mark.parametrize("reads", [True, False])
def test_a_state_that_is_there_is_read(tmp_path: Path, reads: bool) -> None:
    first = app(tmp_path, reads=False)
    first.store.words.once("marker key", "kept")
    first.close()
    second = app(tmp_path, reads=reads)
    assert second.store.words.once("marker key", "another") == "kept"
    second.close()


def test_a_state_of_an_earlier_version_is_left_to_the_daemon(tmp_path: Path) -> None:
    """Else a look by a newer version would keep the older daemon, which works on it, from ever starting again."""
    path = tmp_path / "below" / "ropewalk.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.executescript((DATA / "sqlite-3.sql").read_text())
    with pytest.raises(ConfigError, match="earlier ropewalk"):
        app(tmp_path, reads=True)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (3,)
    for reads in (False, True):
        bot = app(tmp_path, reads=reads)
        assert bot.store.releases.releases() != ()
        bot.close()


def test_a_state_that_lacks_a_table_is_left_to_the_daemon(tmp_path: Path) -> None:
    """One of this version that has yet to start: what only reads adds nothing."""
    path = tmp_path / "below" / "ropewalk.db"
    file_store(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE heads")
    with pytest.raises(ConfigError, match="lacks tables that this version of ropewalk makes"):
        app(tmp_path, reads=True)


def test_what_only_reads_writes_nothing_and_holds_up_nobody_who_does(tmp_path: Path) -> None:
    writer = app(tmp_path, reads=False)
    reader = app(tmp_path, reads=True)
    with writer.store.database.gather():
        writer.store.releases.add(planned())
        assert reader.store.releases.releases() == ()
    assert [row.key for row in reader.store.releases.releases()] == [planned().key]
    with pytest.raises(TransientError, match="readonly database"):
        reader.store.releases.wake(planned().key, NOON)
    reader.close()
    writer.close()


def test_a_file_of_somebody_elses_is_not_read_as_a_state(tmp_path: Path) -> None:
    path = tmp_path / "below" / "ropewalk.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE diary (day TEXT)")
    with pytest.raises(ConfigError, match="is no state of ropewalk's"):
        app(tmp_path, reads=True)


# What somebody sees who may read, but write nowhere: as root this is asked by nobody.
LOOK = """
import os, sys
from pathlib import Path
from bot.app import App
from bot.cli.doctor import state_check
from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor
from bot.settings.loading import load
settings_of = [load(Path(name) / "ropewalk.yaml", {}, Path(name)) for name in sys.argv[1:]]
App(settings_of[0], Redactor(), reads=True).close()  # nobody may not even read what is imported late
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for settings in settings_of:
    for reads in (True, False):
        try:
            bot = App(settings, Redactor(), reads=reads)
        except ConfigError as error:
            print(error)
            continue
        print([row.key for row in bot.store.releases.releases()], bot.store.journal.verify()[0].sequence)
        print(bot.store.words.once("marker key", "made up"), state_check(bot).verdict, bot.home.parent.exists())
        bot.close()
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def stored(folder: Path) -> Store:
    """A state with something in it."""
    folder.mkdir()
    app(folder, reads=False).close()
    store = file_store(folder / "below" / "ropewalk.db")
    store.releases.add(planned())
    store.journal.requested("post", "/x", "accepted", NOON)
    store.words.once("marker key", "kept")
    return store


@pytest.mark.slow
def test_a_state_is_read_where_nothing_may_be_written_and_not_worked_on(public: Path) -> None:
    """Of a daemon that is stopped, of one that is at work, and not of one whose log may not be read."""
    stored(public / "stopped").close()
    working, hidden = stored(public / "working"), stored(public / "hidden")
    for folder in (public / "stopped", public / "working", public / "hidden"):
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
    (public / "hidden" / "below" / "ropewalk.db-shm").chmod(0)
    names = [str(public / name) for name in ("stopped", "working", "hidden")]
    said = subprocess.run([sys.executable, "-c", LOOK, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    working.close()
    hidden.close()
    stopped, at_work, unseen = (f"{name}/below/ropewalk.db" for name in names)
    good = [f"['{planned().key}'] 1", "kept fail True"]
    refused = "is read-only. The state must be writable by this user"
    lines = said.stdout.splitlines()
    assert lines[:6] == [*good, f"{stopped}: {refused}", *good, f"{at_work}: {refused}"], said.stderr
    assert lines[6].startswith(f"{unseen}: cannot be looked at: ")
    assert "The files -wal and -shm beside it must be readable, too" in lines[6]
    if os.geteuid() == 0:
        assert lines[7] == f"{unseen}: {refused}"


@pytest.mark.slow
def test_a_folder_without_room_for_the_log_is_no_place_to_work(public: Path) -> None:
    """The file alone may be written to: SQLite would say of it that it cannot be opened."""
    stored(public / "half").close()
    (public / "half" / "below" / "ropewalk.db").chmod(0o666)
    for path in ("ropewalk.yaml", "token"):
        (public / "half" / path).chmod(0o444)
    for path in ("half", "half/below"):
        (public / path).chmod(0o555)
    told = subprocess.run(
        [sys.executable, "-c", LOOK, str(public / "half")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[2] == (
        f"{public}/half/below/ropewalk.db: lies in a folder that is read-only: the log of its changes has no place. "
        "The state's folder must be writable by this user"
    )


def test_doctor_says_whether_the_state_may_be_worked_on(tmp_path: Path) -> None:
    """Also before there is one."""
    for reads in (True, False):
        bot = app(tmp_path, reads=reads)
        said = state_check(bot)
        assert (said.verdict, said.reason) == (Verdict.PASS, str(tmp_path / "below" / "ropewalk.db"))
        bot.close()
