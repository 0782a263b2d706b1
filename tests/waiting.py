"""Waiting for what another process or thread does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
WAIT = 60.0  # seconds; far beyond what anything here takes on a busy machine
_PAUSE = 0.03  # seconds


def until(what: Callable[[], T], seconds: float = WAIT) -> T:
    """The first true answer of `what`, asked again and again. Raises: AssertionError when it never comes."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"not so within {seconds:.0f} s"
        pause.wait(_PAUSE)
    return answer
