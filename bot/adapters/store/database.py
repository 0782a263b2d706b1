"""Transactions on one database, several of a thread folded into one where somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, bindparam, select, text
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.adapters.store import schema
from bot.domain.errors import FencedError, TransientError

WHERE = "the state's database"
MAY_NOT = "42501"  # insufficient_privilege: somebody took a right away, and will give it back


class Database:
    """An engine whose transactions may be gathered: to write a hundred small things costs one sync of the disk."""

    def __init__(self, engine: Engine, *, reads: bool = False) -> None:
        """`reads` says that the engine's connections cannot write: nothing waits for those that can."""
        self.engine = engine
        self.reads = reads
        self.shared = engine.dialect.name == "postgresql"
        self._local = threading.local()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction of its own or, within `gather`, a part of that one. No other writes meanwhile, in any process.

        Raises: TransientError if a shared database does not do it now; then nothing was stored, or all of it was.
        """
        gathered: Connection | None = getattr(self._local, "connection", None)
        if gathered is not None:
            yield gathered
            return
        with self._own() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: on a shared database, and where nobody may write, it waits for no writer.

        Raises: TransientError as `begin`.
        """
        gathered: Connection | None = getattr(self._local, "connection", None)
        if gathered is not None or not (self.shared or self.reads):
            with self.begin() as connection:
                yield connection
            return
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """A transaction on a shared database that neither waits for other writers nor asks for a fence: for rows that
        say nothing of a release. Never a part of what is gathered.

        Raises: TransientError as `begin`.
        """
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Everything this thread writes within the block is one transaction: stored at its end, or not at all."""
        with self._own() as connection:
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = None

    @contextmanager
    def fenced(self, key: str, fence: int) -> Iterator[None]:
        """Whatever this thread writes within the block is stored only while the release's fence is still this one.

        Each transaction asks within itself. `read` does not: what was read decides nothing that a write would not ask.
        """
        self._local.fence = (key, fence)
        try:
            yield
        finally:
            self._local.fence = None

    def holds(self) -> None:
        """Make sure, right now, that nobody took over what this thread is at. Raises: FencedError, TransientError."""
        if self._held() is not None:
            with _translated(), self.engine.begin() as connection:
                self._must_hold(connection)

    def _held(self) -> tuple[str, int] | None:
        return getattr(self._local, "fence", None)

    def _must_hold(self, connection: Connection) -> None:
        held = self._held()
        if held is not None and connection.execute(_FENCE, {"key": held[0]}).scalar_one_or_none() != held[1]:
            raise FencedError(what=f"the turn of {held[0]}")

    @contextmanager
    def _own(self) -> Iterator[Connection]:
        if self.reads:
            with self.read() as connection:
                yield connection
            return
        if not self.shared:
            with self.engine.begin() as connection:
                yield connection
            return
        with _translated(), self.engine.begin() as connection:
            connection.execute(_ALONE)
            self._must_hold(connection)
            yield connection


# Held until the transaction ends, however it does: the server lets go of it with a session that breaks.
WRITING = 7_265_501  # any number that nobody else in the database uses
_ALONE = text(f"SELECT pg_advisory_xact_lock({WRITING})")
_FENCE = select(schema.releases.c.fence).where(schema.releases.c.key == bindparam("key"))


@contextmanager
def _translated() -> Iterator[None]:
    """What passes by itself (a restart, a cut line, a lock) becomes TransientError; a fault of ours stays one."""
    try:
        yield
    except PoolTimeout:
        raise TransientError(what="all connections are in use", where=WHERE) from None
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != MAY_NOT:
            raise
        said = " ".join(str(error.orig).split())[:200]
        remedy = "The role needs its rights back, see docs/replicas.md"
        raise TransientError(what=said, where=WHERE, remedy=remedy) from None
    except (OperationalError, InternalError) as error:
        said = " ".join(str(error.orig).split())[:200]
        raise TransientError(what=said or "the connection was lost", where=WHERE) from None
