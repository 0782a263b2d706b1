"""The PostgreSQL of the tests is a real one, and what a test does to it ends with the test."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from tests.postgres import Postgres, Role, close_postgres, open_postgres

pytestmark = pytest.mark.slow  # as is all that needs the server: to start it takes longer than hundreds of quick tests
OLDEST = 140_000  # the oldest server that the bot takes


def test_it_is_a_server_that_wants_a_password(database: Role) -> None:
    """A wrong password is refused, the right one lets in, as a role without further rights."""
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=database.port, user=database.user, dbname=database.database, password="")
    with database.connect() as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False,)
        assert connection.info.server_version > OLDEST


def test_databases_do_not_know_each_other(postgres: Postgres) -> None:
    """What is made in one is not seen in another."""
    one, other = postgres.database(), postgres.database()
    with one.connect() as connection:
        connection.execute("CREATE TABLE there (id int)")
    with other.connect() as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT 1 FROM there")


def test_it_comes_back_from_a_crash() -> None:
    """After a crash the same port answers again with what was committed, and not as root."""
    server = open_postgres()
    try:
        role = server.database()
        with role.connect() as connection:
            connection.execute("CREATE TABLE there (id int)")
        server.stop(signal.SIGQUIT)
        with pytest.raises(psycopg.OperationalError):
            role.connect()
        server.start()
        with role.connect() as connection:
            assert connection.execute("SELECT count(*) FROM there").fetchone() == (0,)
        assert server.data.stat().st_uid != 0 or os.geteuid() != 0
    finally:
        close_postgres(server)
    assert not server.folder.exists()
