"""Reading ahead: the next page is on its way while this one is judged."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """The last thing that comes: why there is no more."""

    error: BaseException | None


@contextmanager
def ahead(things: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """The same things, read by a thread of their own that is at most so many ahead. What they raise is raised here.

    When the block ends early the thread ends with the thing it is reading.
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

    def read() -> None:
        try:
            for thing in things:
                if not put(thing):
                    return
        except BaseException as error:  # noqa: BLE001  (raised where the things are taken)
            put(_End(error))
        else:
            put(_End(None))

    def taken() -> Iterator[T]:
        while True:
            thing = waiting.get()
            if isinstance(thing, _End):
                if thing.error is not None:
                    raise thing.error
                return
            yield thing

    threading.Thread(target=read, name="estate-ahead", daemon=True).start()
    try:
        yield taken()
    finally:
        left.set()
