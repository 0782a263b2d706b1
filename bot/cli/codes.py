"""The exit codes, apart from what they are derived from: `--help` needs no more."""

from enum import IntEnum


class Exit(IntEnum):
    """What the process ends with; scripts rely on these."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    NOTHING = 3
    UNKNOWN = 4
    BLOCKED = 5
    UNREACHABLE = 6
    INFO = 11
    LOW = 12
    MEDIUM = 13
    HIGH = 14
    FAILED = 20
    PARTIAL = 21
    CONFLICT = 22
    INTERRUPTED = 130
