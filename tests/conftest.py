"""What tests of every kind share, and what the inner loop leaves out."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, Role, close_postgres, open_postgres

HERE = Path(__file__).parent
QUICK = "not slow and not chaos"  # what `make check` runs
# Whole processes, browsers and other people's clients: all their tests are slow.
SLOW_FOLDERS = frozenset({"browser", "clients", "stories"})

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so, and all our children would ignore what some tests send them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
gc.disable()  # while tests are found: hardly anything of a million new objects is garbage


def slow_as_a_whole(path: Path) -> bool:
    """Whether all tests at a path are slow.

    The embedded GitLab's own promises are many and seldom what breaks: `make test` runs them, not the inner loop.
    """
    where = path.relative_to(HERE).parts if path.is_relative_to(HERE) else ()
    return where[:1] != () and (
        where[0] in SLOW_FOLDERS or (where[0] == "contract" and where[-1].startswith("test_sandbox_"))
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files alone of which the inner loop would run nothing: to import them takes seconds in each process."""
    return True if config.getoption("markexpr") == QUICK and slow_as_a_whole(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test may be lost between those that are not looked at and those that are slow."""
    for item in items:
        if slow_as_a_whole(item.path):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What was made until here stays; nobody need look through it again for what can go."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started once for all tests of a process that ask for it."""
    server = open_postgres()
    yield server
    close_postgres(server)


@pytest.fixture
def database(postgres: Postgres) -> Role:
    """An empty database on it."""
    return postgres.database()


@pytest.fixture(scope="session")
def used_database(postgres: Postgres) -> Role:
    """A database for tests that follow one another, and empty it themselves."""
    return postgres.database()
