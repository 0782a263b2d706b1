"""What `make test` leaves to `make chaos`: tests and rows that tell little more than those beside them."""

import os

import pytest

FULL = os.environ.get("ROPEWALK_CHAOS") == "full"
ONLY_IN_FULL = pytest.mark.skipif(not FULL, reason="told in full by `make chaos`")
IN_FULL = (pytest.mark.chaos, ONLY_IN_FULL)
# For what `make check` or the slow stories tell at a smaller size: `make chaos` tells it, too.
BIGGER_IN_FULL = (pytest.mark.chaos,) if FULL else ()
