"""What this machine gives to a program that only computes: absolute figures of two machines compare by it."""

from __future__ import annotations

import hashlib
import time


def calibrate() -> float:
    """Seconds for 200 MB of sha256 on one core."""
    block = bytes(2_000_000)
    began = time.perf_counter()
    digest = hashlib.sha256()
    for _ in range(100):
        digest.update(block)
    return time.perf_counter() - began
