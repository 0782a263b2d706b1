"""What a process that holds tokens does first."""

from __future__ import annotations

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """No core dumps, no tracing by others of our user, files for us alone.

    Source: prctl(2), PR_SET_DUMPABLE: /proc/PID/mem and environ then belong to root.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
