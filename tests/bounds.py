"""What `make test` leaves to `make chaos`: tests and rows that tell little more than those beside them."""

import os
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import settings

FULL = os.environ.get("ROPEWALK_CHAOS") == "full"
ONLY_IN_FULL = pytest.mark.skipif(not FULL, reason="told in full by `make chaos`")
IN_FULL = (pytest.mark.chaos, ONLY_IN_FULL)
# For what `make check` or the slow stories tell at a smaller size: `make chaos` tells it, too.
BIGGER_IN_FULL = (pytest.mark.chaos,) if FULL else ()

Test = TypeVar("Test", bound=Callable[..., None])


def examples(quick: int, full: int) -> Callable[[Test], Test]:
    """Try a property on as many examples: `quick` in the inner loop, which draws others each time, `full` in full."""

    def bounded(test: Test) -> Test:
        for mark in BIGGER_IN_FULL:
            test = mark(test)
        return settings(deadline=None, max_examples=full if FULL else quick)(test)

    return bounded
