"""Reads CI files in a child of their own, so that a hostile one costs that child and never the daemon."""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import IO

from bot.adapters.ci.bounds import CPU_SECONDS, MAX_BYTES, WALL_SECONDS
from bot.adapters.ci.messages import HEAD_SIZE, READY, Job, answer_head, answer_of, job_message
from bot.domain.ci import CiFacts, CiUnknown

START_SECONDS = 60.0  # to import its libraries on a busy machine
END_SECONDS = 5.0
_FAILED = "the CI file could not be read"
_TOO_LONG = f"{_FAILED}: it takes more than {CPU_SECONDS:g} s of processor time"


class CiReader:
    """Reads one file after the other, in a child that is started when first needed and again whenever it dies.

    Safe to use from several threads, which take turns. `close` it at the end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def parse_ci(self, text: str, *, merged: bool = False) -> CiFacts | CiUnknown:
        """The facts of a CI file, or why they are unknown. `merged` says that it is what CI Lint made of one.

        Never raises for anything in the text, and ends within bounds of time and memory.
        """
        if len(text) > MAX_BYTES:
            return CiUnknown(reason=f"{_FAILED}: it is larger than 1 MiB")
        try:
            message = job_message(Job(text=text, merged=merged))
        except UnicodeEncodeError:
            return CiUnknown(reason=f"{_FAILED}: it is not text in UTF-8")
        with self._lock:
            return self._ask(message)

    def close(self) -> None:
        """End the child. Harmless when there is none; a later file starts another."""
        with self._lock:
            self._drop()

    @property
    def pid(self) -> int | None:
        """The child's process id; None where none runs."""
        return None if self._child is None else self._child.process.pid

    def _ask(self, message: bytes) -> CiFacts | CiUnknown:
        for _ in range(2):
            if self._child is None:
                self._child = _Child()
                if not self._child.await_ready():
                    self._drop()
                    return CiUnknown(reason=f"{_FAILED}: the process that reads such files does not start")
            fresh, self._child.used = not self._child.used, True
            answer = self._child.ask(message)
            if answer is not None:
                return answer
            code = self._drop()
            if code == -signal.SIGPROF:
                return CiUnknown(reason=_TOO_LONG)
            if fresh or code is None:
                return CiUnknown(reason=_ended(code))
            # It may have died of what earlier files left in its memory; a fresh one decides.
        raise AssertionError("a fresh child decides")

    def _drop(self) -> int | None:
        code = None if self._child is None else self._child.stop()
        self._child = None
        return code


def _ended(code: int | None) -> str:
    if code in (None, -signal.SIGKILL):
        return f"{_FAILED}: it takes longer than {WALL_SECONDS:g} s"
    return f"{_FAILED}: it takes more memory than is allowed for one"


class _Child:
    """One execution of the child."""

    def __init__(self) -> None:
        self.used = False
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-I", "-m", "bot.adapters.ci.child"],
            env={"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            cwd="/",
        )

    def await_ready(self) -> bool:
        """Whether it is ready to read files."""
        return self._read(1, time.monotonic() + START_SECONDS) == READY

    def ask(self, message: bytes) -> CiFacts | CiUnknown | None:
        """Its answer; None when it died or is late."""
        end = time.monotonic() + WALL_SECONDS
        try:
            _pipe(self.process.stdin).write(message)
            head = self._read(HEAD_SIZE, end)
            if head is None:
                return None
            kind, length = answer_head(head)
            data = self._read(length, end)
            return None if data is None else answer_of(kind, data)
        except (OSError, ValueError):
            return None

    def _read(self, count: int, end: float) -> bytes | None:
        source = _pipe(self.process.stdout)
        got = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while len(got) < count:
                if not selector.select(max(end - time.monotonic(), 0)):
                    return None
                piece = source.read(count - len(got))
                if not piece:
                    return None
                got += piece
        return bytes(got)

    def stop(self) -> int | None:
        """End it; its exit code, negative for a signal, None where it had to be killed."""
        with contextlib.suppress(OSError):
            _pipe(self.process.stdin).close()
        try:
            code: int | None = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        _pipe(self.process.stdout).close()
        return code


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None, "both are pipes"
    return end


_shared = CiReader()
atexit.register(_shared.close)


def parse_ci(text: str, *, merged: bool = False) -> CiFacts | CiUnknown:
    """`CiReader.parse_ci` with a reader that all of this process shares and that ends with it."""
    return _shared.parse_ci(text, merged=merged)
