"""What processes that share a state must know of each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from bot.domain.releases import Release
from bot.domain.replicas import Replica


class Members(Protocol):
    """Who is at work on this state. Raises: TransientError, each."""

    def beat(self, one: Replica) -> bool:
        """Give a sign of life; False if the last one is so old that the others took it for dead."""
        ...

    def leave(self, id_: str) -> None:
        """Be at work no longer: others take over at once what is left."""
        ...

    def members(self) -> tuple[Replica, ...]:
        """Everyone of the last hour, the oldest first, the dead among them."""
        ...


class Fences(Protocol):
    """Who may write of a release: of several processes that believe to be at its turn, the last that took it."""

    def hold(self, release: Release) -> AbstractContextManager[bool]:
        """Take the release's turn; False if it is another's by now.

        Within the block every write of this thread to the state raises FencedError, and stores nothing, once another
        process took the turn.
        """
        ...

    def must_hold(self) -> None:
        """Called before a write to the world. Raises: FencedError, TransientError."""
        ...


class Board(Protocol):
    """Texts by name that all processes on a state change, one at a time."""

    def change(self, names: Collection[str], step: Callable[[int, int, Mapping[str, str]], Mapping[str, str]]) -> None:
        """Exchange texts: `step` gets the database's clock in milliseconds, how many processes live, and those of the
        names that are there; what it returns is written. Raises: TransientError; then nothing was.
        """
        ...
