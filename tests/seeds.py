"""Seeds of tests that draw: a new one each time, and in full those that once showed a fault, for ever."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

import pytest

from tests.bounds import IN_FULL

# By test: each seed with what it showed. One that failed is added here together with what mends it.
KEPT: dict[str, dict[int, str]] = {
    "replicas": {659177637: "a page of a GitLab being deployed stood for a job's archive, and failed its release"},
    "kills": {},
    "faults": {},
    "ref changes": {},
}


def seeds(name: str) -> pytest.MarkDecorator:
    """A parameter `seed`: None for one to be drawn, and the kept ones."""
    kept = [pytest.param(seed, id=f"{seed}, {why}", marks=IN_FULL) for seed, why in KEPT.get(name, {}).items()]
    return pytest.mark.parametrize("seed", [pytest.param(None, id="drawn"), *kept])


def drawn(seed: int | None, record_property: Callable[[str, object], None]) -> int:
    """The seed to use, said and recorded: the given one, else $ROPEWALK_SEED, else a new one."""
    if seed is None:
        seed = int(os.environ.get("ROPEWALK_SEED") or secrets.randbelow(10**9))
    record_property("seed", seed)
    print(f"ROPEWALK_SEED={seed}")
    return seed
