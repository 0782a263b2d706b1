"""One town for all stories of a session, and for each story a group and a bot of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.world.places import Group
from tests.stories.bot import Bot, make_bot
from tests.stories.town import Town, open_town


@pytest.fixture(scope="session")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The embedded GitLab, started once."""
    with open_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
def town(shared_town: Town) -> Iterator[Town]:
    """The shared town, without faults of the story before, and with its clock right again."""
    yield shared_town
    shared_town.calm()
    shared_town.world.clock.offset = timedelta()


@pytest.fixture
def group(town: Town) -> Group:
    """A group that no other story uses."""
    return town.group()


@pytest.fixture
def bot(tmp_path: Path, town: Town, group: Group) -> Bot:
    """A bot that watches that group."""
    return make_bot(tmp_path / "bot", town, group.full_path)
