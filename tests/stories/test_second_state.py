"""A state that was lost, or a second one: the bot recognises what it wrote, wherever its records went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.world.places import Group
from tests.stories.bot import Bot
from tests.stories.town import Town

pytestmark = pytest.mark.slow


def test_a_published_release_is_applied_with_a_new_state_and_nothing_is_written(
    bot: Bot, town: Town, group: Group, tmp_path: Path
) -> None:
    """Same configuration, empty folder: published is found as published, down to notes and description."""
    package = town.package(group, changes=2)
    package.tag()
    package.pipeline_over()
    assert bot.release("apply", package.target).code == 0
    package.complete()
    texts = [[note.body for note in notes] for notes in package.notes().values()]
    second = replace(bot, folder=tmp_path / "second", secrets={})
    second.folder.mkdir()
    for name, value in bot.secrets.items():
        second.secret(name, value)
    since = town.mark()
    done = second.release("apply", package.target)
    assert (done.code, done.json["state"]) == (0, "published"), done
    assert town.writes(since) == []
    package.complete()
    assert [[note.body for note in notes] for notes in package.notes().values()] == texts
