"""The state file: opened by several processes, kept across them, refused when it is not ours."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.store.open import open_state
from bot.adapters.store.schema import VERSION
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.releases import AttemptOutcome, Receipt, ReleaseState, TargetState, TargetStatus
from bot.domain.secrets import HIDDEN, Redactor, Secret
from bot.domain.verdicts import GateResult, Verdict
from tests.contract.store_writer import SHARED
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON, WHEEL, attempt, distribution

ROOT = Path(__file__).parents[2]
PLANTED = "correct horse battery staple"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "ropewalk.db"


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        open_state(path)
    return str(caught.value)


def test_the_file_is_made_with_its_folder_for_our_eyes_only(path: Path) -> None:
    Store(open_state(path), str).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_written_is_there_for_the_next_process(path: Path) -> None:
    store = Store(open_state(path), str)
    store.releases.add(planned())
    store.close()
    again = Store(open_state(path), str)
    assert again.releases.release(planned().key) == planned()
    again.close()


def test_a_path_may_hold_characters_that_mean_something_in_urls(tmp_path: Path) -> None:
    path = tmp_path / "50% off?#1.db"
    store = Store(open_state(path), str)
    store.releases.add(planned())
    store.close()
    assert path.stat().st_size > 0
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_database_of_the_version_before_is_brought_up_to_date_with_all_it_holds(path: Path) -> None:
    store = Store(open_state(path), str)
    store.releases.add(planned())
    store.close()
    with closing(sqlite3.connect(path)) as database:
        for column in ("heard_at", "fence"):
            database.execute(f"ALTER TABLE releases DROP COLUMN {column}")
        database.execute("PRAGMA user_version=2")
    store = Store(open_state(path), str)
    assert [one.key for one in store.releases.releases()] == [planned().key]
    assert store.releases.heard(planned().key, planned().created_at)
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    Store(open_state(path), str).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version={VERSION + 1}")
    before = path.read_bytes()
    assert refusal(path) == (
        f"{path}: was written by a newer ropewalk (schema {VERSION + 1}, this one knows {VERSION}). Run that version, "
        "or restore the backup made before the upgrade"
    )
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, this is no database.\n" * 200)
    before = path.read_bytes()
    assert refusal(path) == f"{path}: is not a database. Point `state` elsewhere"
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be made" in refusal(tmp_path / "file" / "ropewalk.db")


def test_a_read_only_file_is_refused_with_one_sentence() -> None:
    # Root may write everything: as root this is asked by nobody, in a folder that nobody may enter.
    script = """
import os, sys
from pathlib import Path
from bot.adapters.store.open import open_state
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    open_state(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "ropewalk.db"
        Store(open_state(path), str).close()
        path.chmod(0o444)
        command = [sys.executable, "-c", script, str(path)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == f"ConfigError {path}: is read-only. The state must be writable by this user\n"


@pytest.mark.slow
def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    count = 40
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.store_writer", str(path), str(who), str(count)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in (1001, 1002)
    ]
    outputs = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], outputs
    store = Store(open_state(path), str)
    shared = store.releases.release(SHARED.key)
    assert shared is not None
    assert shared.turn == sum(int(out) for out, _ in outputs), "every turn was ended by exactly one of them"
    assert shared.wake == 2 * count, "no wake-up is lost"
    assert len(store.releases.releases()) == 1 + 2 * count
    for who in (1001, 1002):
        for number in range(count):
            (found,) = store.ledger.attempts(f"{who}/{number}")
            assert found.outcome is AttemptOutcome.ACCEPTED
    assert store.kept.owner("contested") in (1001, 1002)
    chain, broken = store.journal.verify()
    assert (chain.sequence, broken) == (2 * count, None), "one chain, whoever wrote"
    store.close()


@pytest.mark.slow
def test_several_processes_may_make_the_file_at_once(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.store_writer", str(path), str(who), "1"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in range(2001, 2006)
    ]
    outputs = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 5, outputs


def test_no_secret_reaches_the_disk(path: Path) -> None:
    store = Store(open_state(path), Redactor([Secret(PLANTED)]).redact)
    said = f"refused: {PLANTED}"
    release = planned()
    store.releases.add(release)
    store.releases.finish(
        replace(
            release,
            state=ReleaseState.FAILED,
            next=said,
            gates=(GateResult(name="hygiene", verdict=Verdict.FAIL, reason=said),),
            targets=(TargetStatus(name="issue", state=TargetState.FAILED, reason=said),),
        ),
        wake_seen=0,
    )
    store.ledger.attempt(release.key, attempt(reason=said))
    where = f"https://user:{PLANTED.replace(' ', '%20')}@index.example.com/x"
    proof = Receipt(target="index:x", kind="upload", where=where, at=NOON, file=WHEEL, sha256="a" * 64)
    store.ledger.record(release.key, [proof])
    store.kept.keep(release.key, [distribution(WHEEL, problem=said)])
    kept = store.releases.release(release.key)
    assert kept is not None
    assert kept.next == f"refused: {HIDDEN}"
    store.close()
    written = b"".join(found.read_bytes() for found in path.parent.iterdir())
    assert b"correct" not in written


def test_a_delivery_is_remembered_for_a_week_with_its_body(path: Path) -> None:
    store = Store(open_state(path), str)
    remember = store.deliveries.remember
    assert remember([("id", "digest")], NOON) == [True]
    assert remember([("id", "digest")], NOON + timedelta(days=6)) == [True]
    assert remember([("id", "another")], NOON + timedelta(days=6)) == [False]
    assert remember([("id", "another")], NOON + timedelta(days=8)) == [True]
    store.close()


def test_of_many_deliveries_the_first_body_of_an_id_stands(path: Path) -> None:
    store = Store(open_state(path), str)
    assert store.deliveries.remember([], NOON) == []
    given = [("a", "one"), ("b", "two"), ("a", "other"), ("a", "one")]
    assert store.deliveries.remember(given, NOON) == [True, True, False, True]
    assert store.deliveries.remember([("b", "one"), ("c", "three")], NOON) == [False, True]
    store.close()


def test_a_text_is_stored_once(path: Path) -> None:
    store = Store(open_state(path), str)
    assert store.words.once("marker key", "first") == "first"
    assert store.words.once("marker key", "second") == "first"
    store.close()
