"""Run one build in a process of its own, read what it says, and end it on time."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.adapters.builder.fence import FRONT, PROGRAMS, WHEELHOUSE, WORK, Fence, environment, find_bwrap
from bot.adapters.builder.front import Front, lay_out
from bot.domain.policy import BuildPolicy, Isolation

GRACE = 15.0  # seconds beyond the build's own time: to start, to end what is left, to hand out the files
MOST_TASKS = 128 + 16 * (os.cpu_count() or 1)  # processes and threads of one build: a compiler on every core and more
NICE = 5  # builds stand back for the daemon
TAIL = 64 * 1024  # bytes of output kept of a build, its last
_CHUNK = 64 * 1024


class Said(BaseModel):
    """What `make` left to say. The build may have written it: words, no more."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    phase: str = ""
    requirements: tuple[str, ...] = ()
    what: str = ""


class Told(BaseModel):
    """What `supervise` reports: the exit code of `make`, the limit it exceeded, results that are no plain files."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    code: int | None = None
    over: str | None = None
    refused: tuple[str, ...] = ()
    said: Said = Said()
    peak: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a build ended. `told` is None where process 1 said nothing; `late` says that we ended it."""

    told: Told | None
    output: bytes
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One build. `tree` is a checked tar file; `results` takes a zip; `folder` is the
    project's, below the top of the tree."""

    policy: BuildPolicy
    front: Front
    tree: IO[bytes]
    results: IO[bytes]
    scratch: Path
    folder: str
    told: dict[str, str]

    def run(self) -> Ran:
        """Build, and return when nothing of it is left."""
        with contextlib.ExitStack() as stack:
            _rewind(self.tree)
            report, theirs = os.pipe()
            stack.callback(os.close, report)
            command = self._fenced if self.policy.isolation is Isolation.BUBBLEWRAP else self._open
            with command(theirs) as (argv, more, environ):
                process = subprocess.Popen(
                    argv,
                    stdin=self.tree,
                    stdout=self.results,
                    stderr=subprocess.PIPE,
                    env=environ,
                    pass_fds=(theirs, *more),
                    cwd="/",
                    start_new_session=True,
                )
                os.close(theirs)
                try:
                    output, late = _follow(process, self.policy.time.total_seconds() + GRACE)
                except BaseException:  # a person's Ctrl-C, for one: nothing of the build stays
                    _kill(process)
                    process.wait()
                    raise
            told = _read(report)
        return Ran(told=told, output=output, late=late)

    def _job(self, *, work: str, python: str, programs: str, wheelhouse: str, **more: object) -> str:
        policy = self.policy
        job = {
            "work": work,
            "time": policy.time.total_seconds(),
            "memory": policy.memory,
            "disk": policy.disk,
            "tasks": MOST_TASKS,
            "nice": min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19),
            "argv": [python, "-I", f"{programs}/make.py", work, self.folder],
            "environment": environment(work=work, wheelhouse=wheelhouse, told=self.told),
            **more,
        }
        return json.dumps(job)

    @contextmanager
    def _fenced(self, report: int) -> Iterator[tuple[list[str], Sequence[int], dict[str, str]]]:
        """Behind bubblewrap, which dies with us, and everything in there with it."""
        with tempfile.TemporaryFile(dir=self.scratch) as configuration:
            configuration.write(self.front.configuration.encode())
            _rewind(configuration)
            number = configuration.fileno()
            fence = Fence(
                bwrap=find_bwrap() or "bwrap",
                front=self.front,
                disk=self.policy.disk,
                configuration=number,
                wheelhouse=self.policy.wheelhouse,
            )
            python = f"{FRONT}/bin/python"
            job = self._job(
                work=WORK, python=python, programs=PROGRAMS, wheelhouse=WHEELHOUSE, report=report, bounded=True
            )
            yield fence.around([python, "-I", f"{PROGRAMS}/supervise.py", job]), (number,), {"LANG": "C.UTF-8"}

    @contextmanager
    def _open(self, report: int) -> Iterator[tuple[list[str], Sequence[int], dict[str, str]]]:
        """Without a fence, in a folder of ours. What is left of it is seen to by `supervise`, which sees us end."""
        life, ours = os.pipe()
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch, ignore_cleanup_errors=True) as folder:
                python = str(lay_out(self.front, Path(folder, "front")))
                work = Path(folder, "work")
                work.mkdir()
                programs = str(self.front.programs)
                job = self._job(
                    work=str(work),
                    python=python,
                    programs=programs,
                    wheelhouse=str(self.policy.wheelhouse),
                    report=report,
                    bounded=False,
                    life=life,
                )
                yield [python, "-I", f"{programs}/supervise.py", job], (life,), {"LANG": "C.UTF-8"}
        finally:
            os.close(life)
            os.close(ours)


def probe(front: Front, wheelhouse: Path, scratch: Path) -> str:
    """Try the fence with a program that does nothing; what bubblewrap complains of, empty if it works."""
    bwrap = find_bwrap()
    if bwrap is None:
        return "bubblewrap is not installed"
    with tempfile.TemporaryFile(dir=scratch) as configuration:
        configuration.write(front.configuration.encode())
        _rewind(configuration)
        number = configuration.fileno()
        fence = Fence(bwrap=bwrap, front=front, disk=1 << 20, configuration=number, wheelhouse=wheelhouse)
        command = fence.around([f"{FRONT}/bin/python", "-I", "-c", "import build, pip, venv"])
        try:
            done = subprocess.run(
                command, env={"LANG": "C.UTF-8"}, pass_fds=(number,), capture_output=True, timeout=30, check=False
            )
        except subprocess.TimeoutExpired:
            return "bubblewrap does not end"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"bubblewrap ends with code {done.returncode}"


def _rewind(file: IO[bytes]) -> None:
    """Let whoever gets the descriptor begin at the start: `seek` may move within our own buffer only."""
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)


def _follow(process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bool]:
    """The last bytes of the output, and whether the process had to be ended; it is gone when this returns."""
    tail: deque[bytes] = deque()
    kept = 0
    end = time.monotonic() + seconds
    late = False
    assert process.stderr is not None, "it is a pipe"
    with process.stderr as stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0:
                late = True
                _kill(process)
                break
            if not selector.select(left):
                continue
            chunk = os.read(stream.fileno(), _CHUNK)
            if not chunk:
                break
            tail.append(chunk)
            kept += len(chunk)
            while kept - len(tail[0]) >= TAIL:
                kept -= len(tail.popleft())
        try:
            process.wait(max(end - time.monotonic(), 1.0))
        except subprocess.TimeoutExpired:
            late = True
            _kill(process)
            process.wait()
    return b"".join(tail), late


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process group. Behind bubblewrap the whole namespace ends with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(report: int) -> Told | None:
    """What was reported; every writer is gone by now, so this waits for nobody."""
    text = b""
    while chunk := os.read(report, _CHUNK):
        text += chunk
    try:
        return Told.model_validate_json(text)
    except ValidationError:
        return None
