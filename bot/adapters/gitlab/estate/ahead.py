"""Reading ahead: the next page is on its way while this one is judged."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

LOOK_UP = 0.1  # seconds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """The last thing that comes: why there is no more."""

    error: BaseException | None


@contextmanager
def ahead(*sources: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """What all the sources give, as it comes; each is read by a thread of its own, at most so many things ahead.

    What one of them raises is raised here. When the block ends early the threads end with what they are reading.
    Whoever takes looks up now and then: a wait without an end is not interrupted by a signal that came just before it
    began, and Ctrl-C would do nothing until something else happens.
    """
    waiting: queue.Queue[T | _End[T]] = queue.Queue(most)
    left = threading.Event()

    def put(thing: T | _End[T]) -> bool:
        while not left.is_set():
            try:
                waiting.put(thing, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def read(source: Iterable[T]) -> None:
        try:
            for thing in source:
                if not put(thing):
                    return
        except BaseException as error:  # noqa: BLE001  (raised where the things are taken)
            put(_End(error))
        else:
            put(_End(None))

    def taken() -> Iterator[T]:
        ended = 0
        while ended < len(sources):
            try:
                thing = waiting.get(timeout=LOOK_UP)
            except queue.Empty:
                continue
            if not isinstance(thing, _End):
                yield thing
                continue
            if thing.error is not None:
                raise thing.error
            ended += 1

    for source in sources:
        threading.Thread(target=read, args=(source,), name="estate-ahead", daemon=True).start()
    try:
        yield taken()
    finally:
        left.set()
