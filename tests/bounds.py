"""What `make test` leaves to `make chaos`: rows of a table that tell little more than those before them."""

import os

import pytest

IN_FULL = (
    pytest.mark.chaos,
    pytest.mark.skipif(os.environ.get("ROPEWALK_CHAOS") != "full", reason="told in full by `make chaos`"),
)
