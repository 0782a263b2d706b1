"""Several replicas of the bot on one database, each of which can be killed, frozen, woken and started anew."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli.exits import Exit
from bot.sandbox.world.places import Group
from tests.postgres import Role
from tests.stories.bot import Bot, Daemon, make_bot
from tests.stories.town import Town
from tests.waiting import WAIT

COULD_NOT_START = (Exit.USAGE, Exit.UNREACHABLE)  # the state or GitLab was away at that moment
LATE = "60 seconds"  # longer than anybody is waited for


def long_dead(role: Role, pid: int | None = None) -> None:
    """As if a minute had passed since the last sign of life of a process, or of all: the others take it for dead."""
    moved = (
        "UPDATE ropewalk.replicas SET beat_at = to_char(beat_at::timestamptz AT TIME ZONE 'UTC' - %s::interval, "
        """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') WHERE pid = %s OR %s"""
    )
    with role.connect() as connection:
        connection.execute(moved, (LATE, pid, pid is None))


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Replicas by number. A number's folder, port and log stay; its process does not."""

    bots: list[Bot]
    daemons: dict[int, Daemon] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)

    def start(self, number: int) -> None:
        """Start that replica, ready or not."""
        self.daemons[number] = self.bots[number].daemon()

    def kill(self, number: int) -> None:
        """kill -9, be it frozen or not."""
        self.daemons[number].kill()
        self.frozen.discard(number)

    def freeze(self, number: int) -> None:
        """SIGSTOP."""
        self.daemons[number].process.send_signal(signal.SIGSTOP)
        self.frozen.add(number)

    def wake(self, number: int) -> None:
        """SIGCONT, if it is frozen."""
        if number in self.frozen:
            self.daemons[number].process.send_signal(signal.SIGCONT)
            self.frozen.discard(number)

    def supervise(self) -> None:
        """Start again whatever could not start, as a supervisor does. Raises: AssertionError if one ended otherwise."""
        for number, one in self.daemons.items():
            code = one.process.poll()
            if code is not None:
                assert code in COULD_NOT_START, (code, self.bots[number].log.read_text()[-3000:])
                self.start(number)

    def logs(self) -> str:
        """What all of them said."""
        return "".join(bot.log.read_text(errors="replace") for bot in self.bots)

    def stop(self) -> None:
        """Wake and stop all."""
        for number in list(self.frozen):
            self.wake(number)
        for one in self.daemons.values():
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGTERM)
        for one in self.daemons.values():
            one.stop()


def make_fleet(folder: Path, town: Town, group: Group, role: Role, size: int) -> Fleet:
    """Replicas with one configuration but for their ports."""
    bots = [make_bot(folder / f"replica{number}", town, group.full_path).share(role) for number in range(size)]
    return Fleet(bots=bots)


@contextmanager
def serving(fleet: Fleet) -> Iterator[Fleet]:
    """All of them started and ready, for the length of the block."""
    try:
        for number in range(len(fleet.bots)):
            fleet.start(number)
        for one in fleet.daemons.values():
            one.ready(len(fleet.bots) * WAIT)  # they all start at once
        yield fleet
    finally:
        fleet.stop()
