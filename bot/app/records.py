"""The state alone: all that commands need which only look at what is on record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.adapters.clock import utc_now
from bot.adapters.store.open import open_state
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor
from bot.notes.markers import key_mark
from bot.settings import Settings
from bot.settings.model import PostgresState, SqliteState

if TYPE_CHECKING:  # nobody else waits for the drivers of a shared state
    from bot.adapters.store.clock import SharedClock
    from bot.adapters.store.replicas import SharedReplicas


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

        `reads` says that nothing is to be kept: where there is no state yet, none is made. Raises: ConfigError,
        TransientError.
        """
        self.settings = settings
        self.redactor = redactor
        self._scratch = ExitStack()
        self._reads = reads
        self._state = self._state_of(reads=reads)
        self.home = self._state.files
        self.store = self._open()
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

    def _state_of(self, *, reads: bool) -> SqliteState | PostgresState:
        """The state to work on: with `reads` and no file yet, one that is gone afterwards."""
        state = self.settings.state
        if isinstance(state, SqliteState) and reads and not state.path.exists():
            folder = Path(self._scratch.enter_context(TemporaryDirectory(prefix="ropewalk-")))
            return replace(state, path=folder / state.path.name)
        return state

    def _open(self) -> Store:
        """The state. Raises: ConfigError."""
        state = self._state
        if isinstance(state, SqliteState):
            return Store(open_state(state.path, change=not self._reads), self.redactor.redact)
        from bot.adapters.store.postgres import open_shared

        engine = open_shared(state.conninfo(), state.shown, change=not self._reads)
        store = Store(engine, self.redactor.redact)
        try:
            self._must_be_ours(store, state.shown)
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
