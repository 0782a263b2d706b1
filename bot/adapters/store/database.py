"""Transactions on one database, several of a thread folded into one where somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


class Database:
    """An engine whose transactions may be gathered: to write a hundred small things costs one sync of the disk."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._local = threading.local()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction of its own or, within `gather`, a part of that one."""
        gathered: Connection | None = getattr(self._local, "connection", None)
        if gathered is not None:
            yield gathered
            return
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Everything this thread writes within the block is one transaction: stored at its end, or not at all."""
        with self.engine.begin() as connection:
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = None
