"""The ledger of a bot at work: all it wrote on GitLab and on the indexes is in it, and a changed file is found out."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bot.sandbox.world.places import Group
from tests.stories import made
from tests.stories.bot import Bot
from tests.stories.town import VERSION, Town

pytestmark = pytest.mark.slow


def test_every_write_of_a_release_is_in_the_ledger(bot: Bot, town: Town, group: Group) -> None:
    package = town.package(group)
    package.tag()
    package.pipeline_over()
    since = town.mark()
    assert bot.release("apply", package.target).code == 0
    shown = bot.run("ledger", "show", package.project.full_path, "--format", "json")
    assert (shown.code, shown.json["schema"]) == (0, "ropewalk.ledger/1")
    entries = shown.json["entries"]
    assert [row["sequence"] for row in entries] == list(range(1, len(entries) + 1))
    requests = {(row["words"], row["outcome"]) for row in entries if row["kind"] == "request"}
    sent = [(method, path) for method, path in town.writes(since) if not path.endswith("/packages/pypi")]
    assert requests == {(f"{method} {path.removeprefix('/api/v4')}", "accepted") for method, path in sent}
    files = made.both(package.name, VERSION)
    uploads = [f"upload {name} to {index}" for index in ("registry", "index") for name in sorted(files)]
    attempts = [row["words"] for row in entries if row["kind"] == "attempt"]
    assert [words for words in attempts if words.startswith("upload")] == uploads
    assert f"create the GitLab Release v{VERSION}" in attempts and "tell merge request !1" in attempts
    proofs = {
        (row["target"], row["file"], row["outcome"]) for row in entries if row["kind"] == "receipt" and row["file"]
    }
    assert proofs == {(f"index:{index}", name, "upload") for index in ("registry", "index") for name in files}
    assert not any(secret in shown.out for secret in bot.secrets.values())

    verified = bot.run("ledger", "verify", "--format", "json")
    head = verified.json["head"]
    assert (verified.code, verified.json["ok"], head["sequence"]) == (0, True, len(entries))
    assert head["digest"] == entries[-1]["digest"]
    with closing(sqlite3.connect(bot.state)) as database, database:
        database.execute("DROP TRIGGER ledger_no_update")
        database.execute("UPDATE ledger SET outcome = 'refused' WHERE sequence = 2")
    found = bot.run("ledger", "verify")
    assert (found.code, found.out.startswith("entry 2: its text was changed after it was written.")) == (14, True)
