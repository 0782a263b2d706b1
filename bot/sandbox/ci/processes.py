"""Child processes with a deadline that never outlive the runner."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_CHUNK = 65536


class Stop:
    """A request to stop, set from any thread; it wakes a `select` on `descriptor`."""

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._open = True
        self._set = False

    @property
    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        """Ask for the stop; asking twice, or after the end, does nothing more."""
        with self._lock:
            self._set = True
            if self._open:
                os.eventfd_write(self.descriptor, 1)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self.descriptor)


How: TypeAlias = Literal["exit", "timeout", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended. `code` is its exit code, 128 + signal for a killed one."""

    how: How
    code: int

    @property
    def good(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.how == "exit" and self.code == 0


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Callable[[bytes], None],
    deadline: float,
    stop: Stop,
) -> Ended:
    """Run a command with exactly this environment; `output` receives what it prints, both streams in order.

    `deadline` is on `time.monotonic`. At the deadline, on `stop`, at the end and when this process dies, everything
    the command started is killed.
    """
    request = json.dumps({"argv": list(argv), "cwd": str(cwd), "env": dict(env)}).encode() + b"\n"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(_SUPERVISOR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.defpath},
        cwd="/",
        bufsize=0,
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise AssertionError("both were asked to be pipes")
        leash = child.stdin
        with contextlib.suppress(BrokenPipeError):  # the supervisor died; its exit code tells
            _write_all(leash.fileno(), request)
        how = _follow(child.stdout.fileno(), output, deadline=deadline, stop=stop)
        if how != "exit":
            leash.close()
            while chunk := os.read(child.stdout.fileno(), _CHUNK):
                output(chunk)
        code = child.wait()
    return Ended(how=how, code=code if code >= 0 else 128 - code)


def _follow(pipe: int, output: Callable[[bytes], None], *, deadline: float, stop: Stop) -> How:
    """Hand on what comes out of the pipe until it ends, the deadline passes or the stop is asked for."""
    watcher = select.poll()  # not `select`, which knows no descriptor beyond 1023
    watcher.register(pipe, select.POLLIN)
    watcher.register(stop.descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        ready = {descriptor for descriptor, _ in watcher.poll(left * 1000)} if left > 0 else set[int]()
        if stop.descriptor in ready:
            return "stopped"
        if not ready and time.monotonic() >= deadline:
            return "timeout"
        if pipe in ready:
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                return "exit"
            output(chunk)


def _write_all(descriptor: int, text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view) :]
