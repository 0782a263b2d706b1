"""Open the state on PostgreSQL: a schema of ours, made on first use, refused when it is not ours or newer than we are.

Any number of processes share it. Transactions that may write follow one another, as on SQLite: each takes one lock of
the database first (see `Database`), so what was read within a transaction still holds when it commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.dialects.sqlite.dml import OnConflictClause, OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from bot.adapters.store import shared_tables as shared_tables  # its tables are made with all others
from bot.adapters.store.growing import bring_up, must_have_all, must_know
from bot.adapters.store.schema import VERSION
from bot.domain.errors import ConfigError

SCHEMA = "ropewalk"
OLDEST = 14  # the major version of a server that is still mended by its makers
MIGRATING = 7_265_502  # the lock for making tables: any number that nobody else in the database uses
POOL = 12  # connections that are kept; as many again are opened when all are in use
LOOKS = 2  # the same of a command that looks
# A process that was frozen within a transaction must not hold the others up: the server ends its session.
SESSION = {
    "search_path": SCHEMA,
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
}
# Seconds, for what no clock of the kernel's ends: more than the server gives a statement.
ANSWER_WITHIN = 75.0
LOOKING = {"default_transaction_read_only": "on"}  # sessions that only look
READING = LOOKING | {"statement_timeout": "5s"}  # a look that takes longer than a page may is given up
# Seconds of rest after which a connection is asked whether it is still good: asking each time costs an exchange for
# every transaction, and one that breaks at work has to be borne anyway.
RESTED = 1.0
# What libpq does when nobody answers: seconds, but milliseconds for the last.
PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def shared_engine(
    conninfo: Mapping[str, str],
    *,
    pool: int = POOL,
    search_path: str = SCHEMA,
    reads: bool = False,
    settings: Mapping[str, str] | None = None,
    answer_within: float = ANSWER_WITHIN,
    rested: float = RESTED,
) -> Engine:
    """Connections to the server that libpq's words `conninfo` name; nothing is asked of it yet.

    With `reads` the server refuses whatever would write, and gives up what a page cannot wait for; `settings` are
    more of the session's. What is not answered for so many seconds counts as lost; a
    connection that lay idle for `rested` seconds is tried before it is given out.
    """
    session = SESSION | {"search_path": search_path} | (READING if reads else {}) | dict(settings or {})
    words = PATIENCE | dict(conninfo) | {"options": " ".join(f"-c {name}={value}" for name, value in session.items())}
    words |= {"application_name": "ropewalk"}
    engine = create_engine(
        "postgresql+psycopg://",
        connect_args=words,
        pool_size=pool,
        max_overflow=pool,
        execution_options={"preserve_rowcount": True},  # of inserts, too: it says whether a row was new
    )
    event.listen(engine, "do_connect", _patient(answer_within))
    event.listen(engine, "connect", _connect)
    event.listen(engine, "checkin", _rests)
    event.listen(engine, "checkout", _tried_after(engine.dialect, rested))
    return engine


def open_shared(
    conninfo: Mapping[str, str],
    shown: str,
    *,
    oldest: int = OLDEST,
    answer_within: float = ANSWER_WITHIN,
    rested: float = RESTED,
) -> Engine:
    """Open the state, making or changing our tables as needed. `shown` is the address without its password.

    `answer_within` and `rested` are as in `shared_engine`. Raises: ConfigError with what stands in the way and what to
    do.
    """
    engine = shared_engine(conninfo, answer_within=answer_within, rested=rested)
    with _disposed_unless_good(engine, shown):
        with engine.begin() as connection:
            _must_serve(connection, shown, oldest)
        with engine.begin() as connection:
            _migrate(connection, shown)
    return engine


def look_at_shared(conninfo: Mapping[str, str], shown: str, *, oldest: int = OLDEST) -> Engine | None:
    """Open the state for reading alone, on a standby, too; None where none was made yet.

    Raises: ConfigError as `open_shared`, and for tables that are not this version's.
    """
    engine = shared_engine(conninfo, pool=LOOKS, settings=LOOKING)
    with _disposed_unless_good(engine, shown), engine.begin() as connection:
        _must_know_us(connection, shown, oldest)
        version = _version(connection)
        if version:
            must_know(version, shown, change=False)
            must_have_all(connection, shown)
    if version:
        return engine
    engine.dispose()
    return None


def unwritable(conninfo: Mapping[str, str], shown: str, *, oldest: int = OLDEST) -> ConfigError | None:
    """Why the bot could not work on a state that may be read; None if nothing stands in the way. Writes nothing."""
    engine = shared_engine(conninfo, pool=1)
    try:
        with _disposed_unless_good(engine, shown), engine.begin() as connection:
            _must_serve(connection, shown, oldest)
            if connection.execute(_MAY_NOT_WRITE, {"schema": SCHEMA}).scalar_one():
                remedy = "The role needs rights that docs/replicas.md lists"
                raise ConfigError(what="may only be read by this role", where=shown, remedy=remedy)
    except ConfigError as error:
        return error
    engine.dispose()
    return None


@contextmanager
def _disposed_unless_good(engine: Engine, shown: str) -> Iterator[None]:
    """Raises: ConfigError for what the server says; whatever is raised, no connection stays."""
    try:
        yield
    except DBAPIError as error:
        engine.dispose()
        raise _why(error, shown) from None
    except BaseException:
        engine.dispose()
        raise


def _patient(seconds: float) -> Callable[..., psycopg.Connection[Any]]:
    """What makes connections that wait so long for an answer."""

    class Patient(_PatientConnection):
        answer_within = seconds

    def connect(
        dialect: Dialect, record: ConnectionPoolEntry, words: Sequence[str], named: Mapping[str, Any]
    ) -> psycopg.Connection[Any]:
        del dialect, record
        return Patient.connect(*words, **named)

    return connect


class _PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when an answer does not come: whatever stands between may hold it back for ever."""

    answer_within: float = ANSWER_WITHIN
    _listens = False

    def notifies(self, **named: Any) -> Generator[psycopg.Notify]:
        """As psycopg's: who listens waits as long as it likes."""
        self._listens = True
        try:
            yield from super().notifies(**named)
        finally:
            self._listens = False

    def wait(self, gen: Any, *given: Any, **named: Any) -> Any:
        """Complete an exchange with the server. Raises: OperationalError, and the connection is closed then."""
        if self._listens or given or named.get("timeout") is not None:
            return super().wait(gen, *given, **named)
        end = time.monotonic() + self.answer_within
        try:
            return super().wait(gen, **named | {"timeout": self.answer_within})
        except psycopg.OperationalError:
            if time.monotonic() < end:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.answer_within:.0f} s") from None


class _PlainDumper(StrDumperUnknown):
    """Texts as they are, but for NUL, which PostgreSQL cannot store and nobody can read."""

    def dump(self, obj: str) -> bytes | None:
        """The text without NUL."""
        dumped = super().dump(obj.replace("\0", "") if "\0" in obj else obj)
        return None if dumped is None else bytes(dumped)


def _connect(connection: psycopg.Connection, record: ConnectionPoolEntry) -> None:
    del record
    connection.adapters.register_dumper(str, _PlainDumper)


def _rests(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    del connection
    record.info["rests_since"] = time.monotonic()


def _tried_after(dialect: Dialect, rested: float) -> Callable[..., None]:
    """What tries a connection that lay idle. Raises: InvalidatePoolError, for which the pool makes new ones."""

    def try_(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
        del proxy
        since = record.info.get("rests_since")
        if since is None or time.monotonic() - since < rested:
            return
        try:
            dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError("the connection broke while it lay idle") from error

    return try_


@compiles(OnConflictDoNothing, "postgresql")
@compiles(OnConflictDoUpdate, "postgresql")
def _on_conflict(clause: OnConflictClause, compiler: SQLCompiler, **words: object) -> str:
    """The statements are written with SQLite's INSERT, which SQLAlchemy renders alike but for one field."""
    clause.constraint_target = None  # type: ignore[attr-defined]  # PostgreSQL could also name a constraint here
    visit = getattr(compiler, f"visit_{clause.__visit_name__}")  # the dialect's own
    return str(visit(clause, **words))


# Whether there is a table of ours that this role may not write to.
_MAY_NOT_WRITE = text(
    "SELECT count(*) > 0 FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r' AND NOT ("
    "has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))"
)


def _must_serve(connection: Connection, shown: str, oldest: int) -> None:
    """Raises: ConfigError for a server that cannot serve."""
    _must_know_us(connection, shown, oldest)
    _must_take_writes(connection, shown)


def _must_know_us(connection: Connection, shown: str, oldest: int) -> None:
    """Raises: ConfigError for a server that is too old."""
    version = connection.dialect.server_version_info or (0,)
    if int(version[0]) < oldest:
        found = ".".join(str(part) for part in version[:2])
        what = f"is PostgreSQL {found}, older than the {oldest} that is needed"
        raise ConfigError(what=what, where=shown, remedy="Upgrade it, or use another server")


def _must_take_writes(connection: Connection, shown: str) -> None:
    """Raises: ConfigError for a server, or a role, that only reads."""
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
        remedy = "Name the primary, or several hosts with `?target_session_attrs=read-write`"
        raise ConfigError(what="is a standby, which takes no writes", where=shown, remedy=remedy)
    if connection.exec_driver_sql("SHOW default_transaction_read_only").scalar_one() == "on":
        what = "is read-only for this role (default_transaction_read_only)"
        raise ConfigError(what=what, where=shown, remedy="ALTER ROLE … SET default_transaction_read_only = off")


def _migrate(connection: Connection, shown: str) -> None:
    """Bring our schema to the version that this program knows, one process at a time."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
    version = _version(connection)
    if version is None:
        version = _fresh(connection, shown)
    must_know(version, shown, change=True)
    bring_up(connection, version)
    connection.execute(text("UPDATE schema_version SET version = :version"), {"version": VERSION})


def _version(connection: Connection) -> int | None:
    """The version of our tables; None where there are none."""
    there = "SELECT to_regclass(:name) IS NOT NULL"
    if not connection.execute(text(there), {"name": f"{SCHEMA}.schema_version"}).scalar_one():
        return None
    return int(connection.exec_driver_sql("SELECT version FROM schema_version").scalar_one())


def _fresh(connection: Connection, shown: str) -> int:
    """An empty schema of ours; 0, its version. Raises: ConfigError if there is one of somebody else's."""
    if not connection.execute(text("SELECT to_regnamespace(:name) IS NOT NULL"), {"name": SCHEMA}).scalar_one():
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")  # who may not make one can be given one
    count = "SELECT count(*) FROM pg_class WHERE relnamespace = CAST(:name AS regnamespace)"
    if connection.execute(text(count), {"name": SCHEMA}).scalar_one():
        what = f"has a schema `{SCHEMA}` that ropewalk did not make"
        raise ConfigError(what=what, where=shown, remedy="Use a database of its own")
    connection.exec_driver_sql("CREATE TABLE schema_version (version integer NOT NULL)")
    connection.exec_driver_sql("INSERT INTO schema_version VALUES (0)")
    return 0


def _why(error: DBAPIError, shown: str) -> ConfigError:
    """What the server said, in one line, and what helps."""
    cause = error.orig
    said = " ".join(str(cause).split())[:300] or type(cause).__name__
    remedy = "Is the server up, and are user, password and database right? See docs/replicas.md"
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        remedy = "The role needs rights that docs/replicas.md lists"
    elif isinstance(cause, psycopg.errors.LockNotAvailable):
        remedy = "Another replica changes the tables: start this one again when it is done"
    return ConfigError(what=f"cannot be used: {said}", where=shown, remedy=remedy)
