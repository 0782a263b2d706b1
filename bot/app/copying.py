"""Moving a state to another place, while nobody works on either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.adapters.index.locks import UploadLocks
from bot.adapters.store.copying import Copied, back_up, copy, must_be_idle, word
from bot.adapters.store.open import open_state
from bot.adapters.store.postgres import open_shared
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError
from bot.domain.secrets import Secret
from bot.notes.markers import key_mark
from bot.settings import Settings
from bot.settings.model import PostgresState, SqliteState

State = SqliteState | PostgresState
LONGEST_STATEMENT = 3600.0  # seconds; to hold a long ledger against all tries takes its time
KEY, KEY_MARK, GITLAB = "marker key", "marker key mark", "gitlab"

__all__ = ["Copied", "copy_state", "own_key", "save"]


def copy_state(source: State, target: State, settings: Settings, *, new_key: bool) -> Copied:
    """Copy a state that nobody works on into an empty one. `new_key` accepts that older notes are not known again.

    Raises: ConfigError, TransientError; then the target is as it was.
    """
    if source.shown == target.shown:
        raise ConfigError(what="FROM and TO are the same", where=source.shown)
    if isinstance(source, SqliteState) and not source.path.exists():
        raise ConfigError(what="there is no such state", where=source.shown, remedy="See `state` in the configuration")
    with _alone(source) as here, _alone(target) as there:
        key = settings.gitlab.marker_key
        _must_know_notes(here, source.shown, settings, new_key=new_key)
        if isinstance(target, PostgresState) and key is None:
            what = "needs a marker key in the configuration: all replicas sign notes with one"
            remedy = "`ropewalk state key FILE` writes the state's own; name it as gitlab.marker_key_file"
            raise ConfigError(what=what, where=target.shown, remedy=remedy)
        words = {} if key is None else {GITLAB: settings.gitlab.url, KEY_MARK: key_mark(key.reveal().encode())}
        # A key that the configuration names is in no state; without one a file keeps its own.
        without = frozenset({KEY}) if key is not None else frozenset()
        return copy(here, there, shown=(source.shown, target.shown), without=without, words=words)


def own_key(state: State) -> Secret | None:
    """The marker key that a state keeps for itself; None if the configuration named one. Raises: ConfigError."""
    if isinstance(state, PostgresState) or not state.path.exists():
        return None
    store = Store(open_state(state.path), str)
    try:
        kept = word(store, KEY)
    finally:
        store.close()
    return None if kept is None else Secret(kept)


def save(state: State, to: Path) -> int:
    """Back a SQLite state up while the bot works; returns how many bytes. Raises: ConfigError."""
    if isinstance(state, PostgresState):
        remedy = "Use pg_dump, see docs/replicas.md"
        raise ConfigError(what="is a database, which has better tools for that", where=state.shown, remedy=remedy)
    if not state.path.exists():
        raise ConfigError(what="there is no such state", where=state.shown, remedy="See `state` in the configuration")
    return back_up(state.path, to)


def _must_know_notes(here: Store, shown: str, settings: Settings, *, new_key: bool) -> None:
    """Raises: ConfigError if the notes that the state signed would not be known again, or are of another GitLab."""
    key, kept = settings.gitlab.marker_key, word(here, KEY)
    theirs, url = word(here, KEY_MARK), word(here, GITLAB)
    if url is not None and url != settings.gitlab.url:
        remedy = "Use the configuration of that GitLab"
        raise ConfigError(what=f"is the state of another GitLab ({url})", where=shown, remedy=remedy)
    if kept is not None:
        other = key is not None and key.reveal() != kept
    else:
        other = theirs is not None and (key is None or key_mark(key.reveal().encode()) != theirs)
    if other and not new_key:
        what = "signed its notes with another marker key: they would not be known again, and be written twice"
        remedy = "`ropewalk state key FILE` writes the key that a file keeps; or say --new-key"
        raise ConfigError(what=what, where=shown, remedy=remedy)


@contextmanager
def _alone(state: State) -> Iterator[Store]:
    """The state, opened, while nobody else works on it. Raises: ConfigError."""
    with ExitStack() as stack:
        if isinstance(state, SqliteState):
            stack.enter_context(_locked(state))
            store = Store(open_state(state.path), str)
        else:
            store = Store(open_shared(state.conninfo(), state.shown, answer_within=LONGEST_STATEMENT), str)
        stack.callback(store.close)
        must_be_idle(store, state.shown)
        yield store


@contextmanager
def _locked(state: SqliteState) -> Iterator[None]:
    state.path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{state.engine_path}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        what = "is in use: a daemon (or a `release apply`) works on it"
        raise ConfigError(what=what, where=state.shown, remedy="Stop it first") from None
    try:
        locks = state.files / "locks"
        if locks.is_dir() and not UploadLocks(locks).all_free:
            what = "an upload is still under way"
            raise ConfigError(what=what, where=state.shown, remedy="Try again when it has ended")
        yield
    finally:
        lock.release()
