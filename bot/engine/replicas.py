"""One of several processes on one state: it gives signs of life, and takes over what the dead left."""

from __future__ import annotations

import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection

from bot.domain.errors import TransientError
from bot.domain.replicas import ADOPT_EVERY, BEAT_EVERY, Replica, apart
from bot.log import get
from bot.ports.replicas import Members

SAY_AGAIN = 300.0  # seconds between two complaints that replicas are configured apart; a rolling change takes less

log = get("replicas")

Adopt = Callable[[Collection[str], Collection[str]], int]
"""Takes the ids of the living and the versions of the work they take; returns how much was taken over."""


def newcomer(version: str, work: str, scope: str) -> Replica:
    """This process, under a name that no other ever has."""
    host = socket.gethostname()
    name = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
    return Replica(id=name, host=host, pid=os.getpid(), version=version, work=work, scope=scope)


class Membership:
    """The signs of life of this process, from `join` to `leave`."""

    def __init__(self, members: Members, me: Replica, *, beaten: Callable[[], None] = lambda: None) -> None:
        """`beaten` is called after each sign of life, while the database answers; it may raise TransientError."""
        self.me = me
        self._beaten = beaten
        self._members = members
        self._adopt: Adopt | None = None
        self._living: tuple[str, ...] = (me.id,)  # as of the last look
        self._agreed: Callable[[], None] = lambda: None
        self._apart_since: float | None = None
        self._said_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)

    def join(self) -> None:
        """Be known to the others. Raises: TransientError."""
        self._members.beat(self.me)
        self.compare([one for one in self._members.members() if one.alive], time.monotonic())
        self._thread.start()
        log.info("replica.joined", replica=self.me.id)

    def adopting(self, adopt: Adopt) -> None:
        """From now on take over what the dead left."""
        self._adopt = adopt

    def agreeing(self, agreed: Callable[[], None]) -> None:
        """From now on `agreed` is called when all that live watch and release the same, and did not before."""
        self._agreed = agreed

    def falls_to_us(self, project_id: int) -> bool:
        """Whether a project is this process's to begin with: each falls to one of those that lived at the last look."""
        living = self._living
        return living[project_id % len(living)] == self.me.id

    def leave(self) -> None:
        """Be gone at once for the others, if they can be told."""
        self._over.set()
        self._thread.join(timeout=BEAT_EVERY.total_seconds())
        try:
            self._members.leave(self.me.id)
        except TransientError as error:
            log.warning("replica.left_untold", replica=self.me.id, reason=str(error))
            return
        log.info("replica.left", replica=self.me.id)

    def _run(self) -> None:
        adopt_at = time.monotonic()
        while not self._over.wait(BEAT_EVERY.total_seconds()):
            try:
                if not self._members.beat(self.me):
                    log.warning("replica.woken", replica=self.me.id)
                self._beaten()
                if self._adopt is not None and time.monotonic() >= adopt_at:
                    adopt_at = time.monotonic() + ADOPT_EVERY.total_seconds() * random.uniform(0.6, 1)
                    self._take_over(self._adopt)
            except TransientError as error:
                log.warning("replica.unheard", replica=self.me.id, reason=str(error))
            except Exception as error:  # the thread must live: without it the others take this process for dead
                log.error("replica.fault", replica=self.me.id, exc_info=error)

    def compare(self, living: Collection[Replica], now: float) -> None:
        """Say so when others are configured to watch or release something else, and as long as they are.

        A configuration that is being rolled out is over soon: what lasts longer is somebody's mistake. `now` is in
        seconds of any steady clock.
        """
        others = sorted(one.id for one in apart(living) if one.scope != self.me.scope)
        if not others:
            if self._apart_since is not None:
                self._apart_since = None
                log.info("replica.agreed", replica=self.me.id)
                self._agreed()
            return
        first, self._apart_since = self._apart_since is None, self._apart_since or now
        if not first and now - self._said_at < SAY_AGAIN:
            return
        self._said_at = now
        say = log.warning if first else log.error  # what is said again is no change of configuration any more
        say("replica.apart", replica=self.me.id, others=others, seconds=round(now - self._apart_since))

    def _take_over(self, adopt: Adopt) -> None:
        living = [one for one in self._members.members() if one.alive]
        self.compare(living, time.monotonic())
        self._living = tuple(sorted(one.id for one in living)) or (self.me.id,)
        if not any(one.id == self.me.id for one in living):
            return  # the others may be right to take this process for dead
        taken = adopt([one.id for one in living], [one.work for one in living])
        if taken:
            log.warning("replica.took_over", replica=self.me.id, workflows=taken)
