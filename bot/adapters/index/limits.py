"""Numbers that bound what a child may take, and the call that makes the kernel enforce them."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
SETTLING = 10.0  # seconds an index may take to list what it has received whole, also when the sender is gone
OUT_OF_MEMORY = 71  # exit code of a child that reached its limit and has not even room to say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things may take, in seconds, and what they may need, in bytes.

    An upload may last `upload` seconds and one more for every `rate` bytes; a look lasts `look` seconds, or `download`
    where an index shows no sha256 and the bytes must be read. `memory` is on top of what the fork server maps already.
    """

    connect: float = 10.0
    silence: float = 90.0
    upload: float = 120.0
    rate: int = 256 * 1024
    look: float = 60.0
    download: float = 900.0
    check: float = 60.0
    cpu: int = 30
    memory: int = 600 * MIB
    lock: float = 30.0

    def upload_limit(self, size: int) -> float:
        """The whole life of a child that sends `size` bytes."""
        return self.upload + size / self.rate


def limit(*, memory: int, cpu: int) -> None:
    """Bound this process: `memory` bytes beyond what it maps now, `cpu` seconds of processor time from its start.

    The kernel counts address space, most of it the fork server's libraries; hence the sum. A breach is a MemoryError,
    or SIGXCPU.
    """
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
