"""The state alone: all that commands need which only look at what is on record."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.adapters.clock import utc_now
from bot.adapters.store.open import look_at_state, open_state, unwritable
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor
from bot.notes.markers import key_mark
from bot.settings import Settings
from bot.settings.model import SqliteState

if TYPE_CHECKING:  # nobody else waits for the drivers of a shared state
    from bot.adapters.store.clock import SharedClock
    from bot.adapters.store.replicas import SharedReplicas


_ALL = os.R_OK | os.W_OK | os.X_OK


class Records:
    """The bot's state, from its settings. `close` it at the end."""

    _shared_clock: SharedClock | None = None

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        clock: Callable[[], datetime] | None = None,
        *,
        reads: bool = False,
    ) -> None:
        """Without a `clock` that of the machine counts or, on a shared state, the database's.

        `reads` says that nothing is to be kept: a state is opened for reading alone, also where this process may not
        write; where there is none yet, none is made. Raises: ConfigError, TransientError.
        """
        self.settings = settings
        self.redactor = redactor
        self._scratch = ExitStack()
        self._reads = reads
        self._state = settings.state
        self.store = self._look() if reads else self._open()
        self.home = self._home()
        self.clock = clock or self._clock()
        self.readings = SqliteReadings(self.store.database)

    def close(self) -> None:
        """Let go of files and connections."""
        self.store.close()
        self._scratch.close()

    def set_clock(self) -> None:
        """Ask the database for the time, where its clock counts. Raises: TransientError."""
        if self._shared_clock is not None:
            self._shared_clock.set()

    def _clock(self) -> Callable[[], datetime]:
        if not self.store.database.shared:
            return utc_now
        from bot.adapters.store.clock import SharedClock
        from bot.adapters.store.replicas import database_now

        try:
            self._shared_clock = SharedClock(lambda: database_now(self.store.database))
        except BaseException:
            self.close()
            raise
        return self._shared_clock

    @cached_property
    def replicas(self) -> SharedReplicas | None:
        """The processes on a shared state; None where there can be but one."""
        if not self.store.database.shared:
            return None
        from bot.adapters.store.replicas import SharedReplicas

        return SharedReplicas(self.store.database)

    def _home(self) -> Path:
        """The folder of downloads, builds and locks: for who only reads, one that is gone afterwards where need be."""
        files = self._state.files
        return files if not self._reads or _usable(files) else self._new_folder() / "files"

    def _new_folder(self) -> Path:
        return Path(self._scratch.enter_context(TemporaryDirectory(prefix="ropewalk-")))

    def _open(self) -> Store:
        """The state, to work on. Raises: ConfigError."""
        state = self.settings.state
        if isinstance(state, SqliteState):
            return Store(open_state(state.path), self.redactor.redact)
        from bot.adapters.store.postgres import open_shared

        return self._ours(Store(open_shared(state.conninfo(), state.shown), self.redactor.redact))

    def _look(self) -> Store:
        """The state, for reading alone; where there is none yet, one that is gone afterwards. Raises: ConfigError."""
        state = self.settings.state
        if isinstance(state, SqliteState):
            engine = look_at_state(state.path)
        else:
            from bot.adapters.store.postgres import look_at_shared

            engine = look_at_shared(state.conninfo(), state.shown)
        if engine is not None:
            return self._ours(Store(engine, self.redactor.redact, reads=True))
        self._state = SqliteState(path=self._new_folder() / "ropewalk.db")
        return Store(open_state(self._state.path), self.redactor.redact)

    def obstacle(self) -> ConfigError | None:
        """Why the bot could not work on its state though it may be read; None if nothing stands in the way."""
        state = self.settings.state
        if isinstance(state, SqliteState):
            return unwritable(state.path) if state.path.exists() else None
        from bot.adapters.store.postgres import unwritable as unwritable_database

        return unwritable_database(state.conninfo(), state.shown)

    def _ours(self, store: Store) -> Store:
        """The store, closed if it is another's. Raises: ConfigError."""
        try:
            if store.database.shared:
                self._must_be_ours(store, self.settings.state.shown)
        except BaseException:
            store.close()
            raise
        return store

    def _must_be_ours(self, store: Store, shown: str) -> None:
        """Raises: ConfigError if the shared state is another organisation's, or signed with another key."""
        mark = key_mark(self._marker_key_given())
        for name, ours, what in (
            ("gitlab", self.settings.gitlab.url, "another GitLab"),
            ("marker key mark", mark, "another marker key: its notes would not be known again"),
        ):
            theirs = store.words.once(name, ours)
            if theirs != ours:
                where = f" ({theirs})" if name == "gitlab" else ""
                remedy = "Give each organisation a database of its own, and all replicas of one the same configuration"
                raise ConfigError(what=f"is the state of {what}{where}", where=shown, remedy=remedy)

    def _marker_key_given(self) -> bytes:
        key = self.settings.gitlab.marker_key
        return b"" if key is None else key.reveal().encode()


def _usable(folder: Path) -> bool:
    """Whether this process may write to a folder and to those in it, or may make it."""
    there = folder
    while not os.access(there, os.F_OK):
        there = there.parent
    if not os.access(there, _ALL):
        return False
    if there != folder:
        return True
    with os.scandir(folder) as entries:
        return all(os.access(entry, _ALL) for entry in entries if entry.is_dir(follow_symlinks=False))
