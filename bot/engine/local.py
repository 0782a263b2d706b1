"""The end of a turn: its row is written, once, whatever the turn did. Shared by the daemon and by `release apply`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import FencedError, TransientError
from bot.domain.releases import Release, ReleaseState
from bot.log import get
from bot.ports.store import Queue

MOST_FAULTS = 5
FAULT_DELAY = timedelta(seconds=15)

log = get("engine")

Turn = Callable[[Release], Release]


Hold = Callable[[Release], AbstractContextManager[bool]]


def alone(release: Release) -> AbstractContextManager[bool]:
    """Hold a turn that nobody else could take: this is the only process on its state."""
    del release
    return nullcontext(True)


def end_turn(
    queue: Queue, release: Release, turn: Turn, clock: Callable[[], datetime], hold: Hold = alone
) -> Release | None:
    """Run one turn and write its row. A fault of ours is caught here, counted, and in the end shown as a failure.

    None if `hold` says that the turn is another's by now. Raises: FencedError if it became another's meanwhile.
    """
    with hold(release) as ours:
        return _end(queue, release, turn, clock) if ours else None


def _end(queue: Queue, release: Release, turn: Turn, clock: Callable[[], datetime]) -> Release:
    began = clock()
    try:
        ended = turn(release)
    except FencedError:
        raise
    except TransientError as error:
        ended = _put_off(release, clock(), error)
    except Exception as error:  # noqa: BLE001  (the last place that can keep one release's fault from all others)
        ended = _fault(release, clock(), error)
    written = queue.finish(ended, wake_seen=release.wake)
    log.info(
        f"release.{ended.state.value}" if ended.state is not release.state else "turn.ended",
        project=ended.project,
        ref=ended.id.ref,
        state=ended.state.value,
        seconds=round((clock() - began).total_seconds(), 3),
        next=ended.next,
        written=written,
    )
    return ended


def _put_off(release: Release, now: datetime, error: TransientError) -> Release:
    """The state itself was away, so that the turn could not put itself off. However often, that is no fault."""
    log.warning("turn.put_off", project=release.project, ref=release.id.ref, reason=str(error))
    due_at = now + max(FAULT_DELAY, error.retry_after or FAULT_DELAY)
    return replace(release, next=str(error), updated_at=now, due_at=due_at)


def _fault(release: Release, now: datetime, error: Exception) -> Release:
    faults = release.faults + 1
    log.error("turn.fault", project=release.project, ref=release.id.ref, faults=faults, exc_info=error)
    poison = faults >= MOST_FAULTS
    return replace(
        release,
        state=ReleaseState.FAILED if poison else release.state,
        next=f"fault in the bot ({type(error).__name__}), see its log"
        + ("; resume once it is mended" if poison else ""),
        updated_at=now,
        due_at=None if poison else now + FAULT_DELAY * faults,
        faults=faults,
    )
