"""What only reads leaves nothing behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.app import App
from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor
from bot.settings.loading import load

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
