"""Locks that outlive us: who may send to an index, told by the kernel.

One lock per (upload URL, PEP 503 name). An upload holds it exclusively, a look shares it, so a look sees no upload of
that name half done. The daemon takes the lock *before* it asks for a child and hands the locked descriptor over; the
child keeps it open for its life. A `flock` belongs to the open file, not to a process: when the daemon is killed,
whoever still holds the descriptor (the child, or a message that was never read) holds the lock, without a gap.
The lock files are never deleted, since a deleted one can be locked twice. They serve one machine; replicas on several
are kept apart by the database (see `leases`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import canonicalize_name

_PAUSE = 0.05  # seconds between two tries; flock knows no deadline


class UploadLocks:
    """Lock files in one directory, which is made if it is missing."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory

    def path(self, upload_url: str, name: str) -> Path:
        """The lock file of one index and name."""
        key = f"{upload_url}\n{canonicalize_name(name)}"
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock"

    @contextmanager
    def sending(self, upload_url: str, name: str, *, seconds: float) -> Iterator[int | None]:
        """Hold the lock exclusively; gives its descriptor, or None when it did not come free in time."""
        with self._held(self.path(upload_url, name), fcntl.LOCK_EX, seconds) as descriptor:
            yield descriptor

    @contextmanager
    def looking(self, upload_url: str, name: str, *, seconds: float) -> Iterator[bool]:
        """Share the lock with other looks; gives whether it came free of uploads in time."""
        with self._held(self.path(upload_url, name), fcntl.LOCK_SH, seconds) as descriptor:
            yield descriptor is not None

    @property
    def all_free(self) -> bool:
        """Whether nobody sends."""
        return all(_free(path) for path in self._directory.glob("*.lock"))

    @contextmanager
    def _held(self, path: Path, how: int, seconds: float) -> Iterator[int | None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            yield descriptor if _lock(descriptor, how, time.monotonic() + seconds) else None
        finally:
            os.close(descriptor)  # never LOCK_UN: that would take the lock from a child that still has it


def _lock(descriptor: int, how: int, end: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)


def boot() -> str:
    """The run of this machine's kernel: a lock is known to it alone."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def inode(path: Path) -> str:
    """Which file that is, for this kernel; empty if there is none."""
    try:
        status = path.stat(follow_symlinks=False)
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def known_free(path: Path, number: str) -> bool:
    """Whether that very file of this machine is here, and nobody holds it."""
    return inode(path) == number and _free(path)


def _free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return _lock(descriptor, fcntl.LOCK_SH, 0.0)
    finally:
        os.close(descriptor)
