"""What only reads leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app import App
from bot.domain.secrets import Redactor
from bot.settings.loading import load

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
