"""The promises of bot.ports.store.Acceptances, held by SQLite on a real file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.accepting import acceptance
from bot.domain.errors import ConfigError
from bot.domain.releases import Acceptance
from tests.contract.states import file_store
from tests.unit.release_facts import NOON

FIRST = Acceptance(digest="0123456789ab", by="ada", at=NOON)
LATER = Acceptance(digest="ba9876543210", by="bob", at=NOON + timedelta(hours=1))


def test_what_was_accepted_is_remembered_for_its_release_alone_and_as_it_was_first(tmp_path: Path) -> None:
    store = file_store(tmp_path / "state.db")
    store.acceptances.accept("42/v1@a", LATER)
    store.acceptances.accept("42/v1@a", FIRST)
    store.acceptances.accept("42/v1@a", Acceptance(digest=FIRST.digest, by="eve", at=LATER.at))
    store.close()
    store = file_store(tmp_path / "state.db")
    assert store.acceptances.accepted("42/v1@a") == (FIRST, LATER)
    assert store.acceptances.accepted("42/v1@b") == ()
    store.close()


@pytest.mark.parametrize("digest", ["", "yes", "0123456789a", "0123456789abc", "0123456789AB", "0123456789ab\n"])
def test_only_a_digest_accepts_anything(digest: str) -> None:
    with pytest.raises(ConfigError, match="12 hex digits"):
        acceptance(digest, NOON)


def test_who_accepts_is_who_the_machine_says() -> None:
    given = acceptance(FIRST.digest, NOON)
    assert (given.digest, given.at) == (FIRST.digest, NOON)
    assert given.by
