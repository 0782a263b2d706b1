"""What `make test` leaves to `make chaos`: tests and rows that tell little more than those beside them."""

import os

import pytest

ONLY_IN_FULL = pytest.mark.skipif(os.environ.get("ROPEWALK_CHAOS") != "full", reason="told in full by `make chaos`")
IN_FULL = (pytest.mark.chaos, ONLY_IN_FULL)
