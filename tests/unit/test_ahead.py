"""Reading ahead: everything comes, errors too, and whoever waits can be interrupted however the signal falls."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from bot.adapters.gitlab.estate.ahead import ahead


def test_all_of_all_sources_comes_and_what_one_raises_is_raised() -> None:
    def failing() -> Iterator[int]:
        yield 7
        raise ValueError("gone")

    with ahead(range(5), range(10, 15), most=2) as things:
        assert sorted(things) == [*range(5), *range(10, 15)]
    with ahead(failing(), most=2) as things, pytest.raises(ValueError, match="gone"):
        list(things)


def test_a_signal_that_another_thread_takes_interrupts_the_wait_all_the_same() -> None:
    """As if it came just before the wait began: the flag is set, and nothing wakes the waiting thread."""
    never = threading.Event()

    def stuck() -> Iterator[int]:
        yield 1
        never.wait(20)

    def elsewhere() -> None:
        # Blocked in the main thread, the signal is delivered to this one; Python's handler still runs in the main one.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    began = time.monotonic()
    with ahead(stuck(), most=1) as things:
        assert next(things) == 1
        threading.Timer(0.3, elsewhere).start()
        with pytest.raises(KeyboardInterrupt):
            next(things)
    never.set()
    assert time.monotonic() - began < 5
