"""Who may send to an index, told by the database that machines share.

The child that sends outlives a process that is frozen, and a lock is known on its machine only. So whoever sends writes
down before, in the transaction that asks for the turn's fence, until when its child can be alive: from then on the
kernel ends the child by itself. Whoever takes the turn over looks at the index only once that moment has passed, or
once the lock says that the child is gone, where it can be asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.adapters.index.children import Ended
from bot.adapters.index.limits import SETTLING
from bot.adapters.index.locks import boot, inode, known_free
from bot.domain.errors import PutOffError, TransientError
from bot.ports.index import Sender, Sendings

LOOK_AGAIN = timedelta(seconds=15)  # the longest wait before one looks whether the other has ended


@dataclass(eq=False)
class BusyError(Exception):
    """Another machine's child may be sending; `left` is when to look again."""

    left: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """The sendings of one process. `machine` names this run of this machine's kernel; what an index received whole it
    may take `settling` seconds to list.
    """

    sendings: Sendings
    machine: str = field(default_factory=boot)
    settling: float = SETTLING

    def wait(self, lock: Path) -> timedelta | None:
        """How long to wait before looking at the place of that lock file; None: not at all. Raises: TransientError."""
        found = self.sendings.under_way(lock.stem)
        if found is None:
            return None
        sender = found.sender
        if sender.boot == self.machine and known_free(Path(sender.lock), sender.inode):
            self.sendings.end(lock.stem, sender.token)
            return None
        return min(found.left, LOOK_AGAIN)

    def sender(self, lock: Path) -> Sender:
        """This process, as it holds the lock file."""
        return Sender(token=secrets.token_hex(16), boot=self.machine, lock=str(lock), inode=inode(lock))

    def begin(self, lock: Path, sender: Sender, seconds: float) -> Callable[[], None]:
        """What must be done before a child that may live so long. Raises, when called: BusyError, what `begin` does."""

        def begin() -> None:
            left = self.wait(lock)
            if left is not None or not self.sendings.begin(lock.stem, sender, seconds + self.settling):
                raise BusyError(left or LOOK_AGAIN)

        return begin

    def send(self, lock: Path, seconds: float, run: Callable[[Callable[[], None]], Ended]) -> Ended:
        """Let a child send that may live so long, of which the others know meanwhile.

        `run` gets what must be done before it. Raises what that and `run` raise.
        """
        sender = self.sender(lock)
        try:
            ended = run(self.begin(lock, sender, seconds))
        except PutOffError:  # there was no child
            self._end(lock, sender)
            raise
        if ended.code is not None:  # else its server died: the kernel ends it, but nobody saw that
            self._end(lock, sender)
        return ended

    def _end(self, lock: Path, sender: Sender) -> None:
        """The child is gone."""
        with suppress(TransientError):  # then it passes by itself
            self.sendings.end(lock.stem, sender.token)
