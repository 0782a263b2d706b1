"""What the contract tests share: an organisation, the children and adapters of indexes, the engine's file and rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.service import IndexAdapter
from bot.adapters.store.store import Store
from bot.engine.durable import Engine
from tests.contract.index_parts import make_adapter
from tests.contract.sandbox_org import Org, organisation
from tests.contract.states import file_store


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """The embedded GitLab with its organisation; a module that wants more in it has its own."""
    with organisation() as made:
        yield made


@pytest.fixture
def calm(org: Org) -> Iterator[None]:
    """No fault outlives its test."""
    yield
    org.control("DELETE", "faults")


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    """What does an index adapter's work, each job in a child of its own; starting it takes longer than most tests."""
    runner = Children()
    yield runner
    runner.close()


@pytest.fixture
def adapter(tmp_path: Path, children: Children) -> IndexAdapter:
    """An index adapter with a state of its own."""
    return make_adapter(tmp_path / "state", children)


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's file after a first start, so that not every test waits for its tables."""
    path = tmp_path_factory.mktemp("engine") / "used.db"
    engine = Engine(path, turn=lambda key, number: "", slot=lambda job: "", workers=1)
    engine.launch()
    engine.close()
    return path


@pytest.fixture
def file(used: Path, tmp_path: Path) -> Path:
    """An engine's file."""
    return Path(shutil.copy(used, tmp_path / "ropewalk.engine.db"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The rows, in a real database."""
    store = file_store(tmp_path / "ropewalk.db")
    yield store
    store.close()
