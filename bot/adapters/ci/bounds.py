"""How much of a CI file is read. Beyond that it is unknown, with a reason that people can act on."""

from __future__ import annotations

MAX_BYTES = 1 << 20  # GitLab itself stops at 2 MiB (max_yaml_size_bytes)
MAX_DEPTH = 32  # of lists and mappings within each other, aliases put in
MAX_GROWTH = 10  # times as many nodes with every alias put in as there are in the file
MAX_NODES = 200_000  # of the file itself; the largest honest ones have a tenth of that
MAX_WORK = 500_000  # entries copied while `extends` and `!reference` are resolved
MAX_TEXT = 4 << 20  # characters of all scripts of all jobs together: many jobs may extend one long one
MAX_ENTRIES = 20_000  # script entries of one job, nested lists flattened
MAX_NESTING = 10  # of `extends`, of `!reference` and of lists in a script, as in GitLab
MAX_SHELL_DEPTH = 150  # of a script's syntax tree
CPU_SECONDS = 2.0  # of processor time for one file
WALL_SECONDS = 20.0  # for one file on a busy machine
MEMORY = 192 << 20  # bytes the child may map beyond what it needs to start


class Beyond(Exception):  # noqa: N818 - it says how the file is, not that we failed
    """The file is more than we read, or nothing GitLab would run. Its text is the reason, without foreign words."""
