"""Turns a job's commands into one bash script that shows each command before it runs, as GitLab's runner does."""

import shlex
from collections.abc import Sequence

GREEN, CYAN, YELLOW, RED, END = "\x1b[32;1m", "\x1b[0K\x1b[36;1m", "\x1b[0;33m", "\x1b[31;1m", "\x1b[0;m"


def compose(commands: Sequence[str]) -> str:
    """A script for `bash -eo pipefail`; of a command of several lines only the first is shown."""
    parts: list[str] = []
    for command in commands:
        first, _, rest = command.strip("\n").partition("\n")
        shown = f"{GREEN}$ {first}{' # collapsed multi-line command' if rest.strip() else ''}{END}"
        parts.append(f"printf '%s\\n' {shlex.quote(shown)}\n{command}\n")
    return "".join(parts)
