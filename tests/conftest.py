"""What tests of every kind share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import Postgres, Role, close_postgres, open_postgres


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
