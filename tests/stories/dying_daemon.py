"""`ropewalk serve` that kills itself, as by kill -9, once it has logged a given line. See test_durable_kill.

DIE_AT holds words, one a line, that must all be in the line. A kill from here falls exactly between two steps: the
thread that wrote the line never gets to do the next one.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TextIO

from bot.cli.main import main


class Deadly:
    """The standard error stream, up to and including one line."""

    def __init__(self, stream: TextIO, words: list[str]) -> None:
        self._stream = stream
        self._words = words
        self.encoding = stream.encoding

    def isatty(self) -> bool:
        """Never."""
        return False

    def write(self, text: str) -> int:
        """Write, and perhaps die."""
        written = self._stream.write(text)
        if all(word in text for word in self._words):
            self._stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    def flush(self) -> None:
        """As the stream does."""
        self._stream.flush()


if __name__ == "__main__":
    if words := os.environ.get("DIE_AT", "").splitlines():
        sys.stderr = Deadly(sys.stderr, words)
    main()
