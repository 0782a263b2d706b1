"""The daemon's side of the fork server: start it, give it jobs, end them on time."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO

from pydantic import ValidationError

from bot.adapters.index.limits import OUT_OF_MEMORY
from bot.adapters.index.messages import (
    Broken,
    Job,
    LookJob,
    Reply,
    UploadJob,
    jobs,
    read_message,
    replies,
    write_message,
)
from bot.domain.errors import PutOffError, RopewalkError, TransientError

START_LIMIT = 60.0  # seconds to import twine on a busy machine
END_LIMIT = 10.0  # seconds between the order to kill a child and the news of its death
STOPPED = timedelta(seconds=2)  # when to ask again what was asked of a process that is about to end
# How hostile bytes end their reader: the processor limit, no memory, and what deep nesting does to C code.
_RUIN = frozenset({OUT_OF_MEMORY, -signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT})
_KEPT_NAMES = ("TMPDIR",)


class ServerError(RopewalkError):
    """The fork server cannot be started: the installation is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended. `reply` is None unless it said something whole.

    `code` is its exit code, negative for the signal that killed it, None where the fork server died with it;
    `late` says that it was killed at its deadline.
    """

    reply: Reply | None
    code: int | None
    late: bool

    @property
    def ruined(self) -> bool:
        """Whether what the child read was too much for it; trying again would end the same way."""
        return self.code in _RUIN

    @property
    def why(self) -> str:
        """Why the child had nothing to say, as half a sentence."""
        if isinstance(self.reply, Broken):
            return f"a fault of ours: {self.reply.where}"
        if self.late:
            return "no end within the time allowed"
        if self.code is None:
            return "the fork server ended"
        return f"the child ended with {'signal' if self.code < 0 else 'code'} {abs(self.code)}"


class Children:
    """Runs jobs in children of a fork server. Safe to use from several threads.

    The server is executed with an environment that names PATH, HOME, LANG and TMPDIR and nothing else, whenever it is
    started, so no secret of the daemon's environment can reach it or its children.
    """

    def __init__(self, most_heavy: int | None = None, *, start: float = START_LIMIT) -> None:
        """At most `most_heavy` children send or check files at once (None: two more than there are cores). The server
        may take `start` seconds to be ready.
        """
        self._start = start
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._telling = threading.Lock()
        self._at_work: set[socket.socket] = set()  # how the children that live tell of their end
        self._over = False
        # Checking computes and may take 600 MB; sending mostly waits. Looking is light and is never held up.
        self._heavy = threading.BoundedSemaphore(most_heavy or (os.cpu_count() or 1) + 2)

    def start(self) -> None:
        """Begin to start the server, without waiting until it has imported twine. Harmless when it runs."""
        with self._lock:
            self._running()

    def interrupt(self) -> None:
        """Kill all children and begin none any more: this process is about to end. Who waits for one is told."""
        with self._telling:
            self._over = True
            for status in self._at_work:
                with contextlib.suppress(OSError):
                    status.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the server and every child. Harmless when nothing runs; a later job starts it again."""
        with self._lock:
            if self._server is not None:
                self._server.stop()
                self._server = None

    @property
    def server_pid(self) -> int | None:
        """The server's process id, or None before the first start."""
        with self._lock:
            return None if self._server is None else self._server.process.pid

    @property
    def alive(self) -> bool | None:
        """Whether the server runs, or None before the first start. Never waits: it may be asked while one starts."""
        server = self._server
        return None if server is None else server.process.poll() is None

    def heavy(self) -> AbstractContextManager[object]:
        """A place among the children that compute, for other work of that kind; waits until there is one."""
        return self._heavy

    def run(
        self, job: Job, *, deadline: float, lock: int | None = None, begin: Callable[[], None] | None = None
    ) -> Ended:
        """Do one job in a child of its own, which is gone (or its server is) when this returns.

        `deadline` is in seconds and covers the child's whole life. `lock` is a descriptor the child keeps open for
        its life. `begin` is called before the child, within its time; what it raises is raised, and nothing is done.
        Raises: ServerError, TransientError; PutOffError, and nothing was done, after `interrupt`.
        """
        with contextlib.nullcontext() if isinstance(job, LookJob) else self._heavy:
            if begin is None:
                return self._run(job, deadline, lock)
            self._must_begin()
            with self._lock:
                self._running().await_ready()
            end = time.monotonic() + deadline  # should this process freeze from here on, the child ends all the same
            begin()
            job = replace(job, until=end) if isinstance(job, UploadJob) else job
            return self._run(job, end - time.monotonic(), lock)

    def _run(self, job: Job, deadline: float, lock: int | None) -> Ended:
        mine, theirs = socket.socketpair()
        status, their_status = socket.socketpair()
        with mine, status, self._known(status):
            with theirs, their_status:
                self._hand_over([theirs.fileno(), their_status.fileno(), *([] if lock is None else [lock])])
            end = time.monotonic() + deadline
            mine.settimeout(max(deadline, 0.001))
            with contextlib.suppress(OSError):  # a child that is gone or stuck already shows below
                write_message(mine, jobs().dump_json(job))
            reply, late = _await_reply(mine, end)
            # The child exits after its reply by itself; what is late is killed by the server, which is its parent.
            if late or not _readable(status, min(end - time.monotonic(), END_LIMIT)):
                late = reply is None
                with contextlib.suppress(OSError):
                    status.shutdown(socket.SHUT_WR)
            code = _await_code(status)
        return Ended(reply=reply, code=code, late=late)

    @contextlib.contextmanager
    def _known(self, status: socket.socket) -> Iterator[None]:
        """Keep the end of a child's status socket, through which it can be killed."""
        with self._telling:
            self._must_begin()
            self._at_work.add(status)
        try:
            yield
        finally:
            with self._telling:
                self._at_work.remove(status)

    def _must_begin(self) -> None:
        if self._over:
            raise PutOffError(what="the bot is being stopped", where="this machine", retry_after=STOPPED)

    def _hand_over(self, descriptors: Sequence[int]) -> None:
        for last in (False, True):
            with self._lock:
                server = self._running()
                server.await_ready()
            try:
                socket.send_fds(server.control, [b"job"], list(descriptors))
                return
            except OSError as error:  # it died; nothing was handed over, so the job may start anew
                if last:
                    raise ServerError(f"the fork server is gone: {error.strerror}") from error
                with self._lock:
                    if self._server is server:
                        server.stop()
                        self._server = None

    def _running(self) -> _Server:
        if self._server is None or self._server.process.poll() is not None:
            if self._server is not None:
                self._server.stop()
            self._server = _Server(self._start)
        return self._server


class _Server:
    """One execution of the fork server."""

    def __init__(self, start: float) -> None:
        self._start = start
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._ready = False
        with theirs:
            number = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-m", "bot.adapters.index.server", str(number)],
                env=clean_environment(),
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,
                cwd="/",
            )

    def await_ready(self) -> None:
        """Wait until twine is imported. Raises: ServerError; TransientError if it is at it all the time."""
        if self._ready:
            return
        self.control.settimeout(self._start)
        late = False
        try:
            self._ready = bool(self.control.recv(16))
        except TimeoutError:
            late = True
            self.process.kill()
        except OSError:
            pass  # it is gone
        self.control.settimeout(None)
        if not self._ready:
            self.stop()
            if late:
                what = f"what sends and checks files did not start within {self._start:g} s: the machine is too busy"
                raise TransientError(what=what, where="this machine")
            raise ServerError(f"the fork server did not start: {self._last_words}")

    def stop(self) -> None:
        """Close the control socket and wait for the end; kill what does not listen. Harmless when it has ended."""
        self.control.close()
        if self._complaints.closed:
            return
        try:
            self.process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read(1 << 20).decode(errors="replace").strip().splitlines()
        self._last_words = lines[-1] if lines else f"exit code {self.process.returncode}"
        self._complaints.close()


def clean_environment() -> dict[str, str]:
    """The environment of the fork server and its children: built up, not filtered, so nothing slips through."""
    kept = {name: os.environ[name] for name in _KEPT_NAMES if name in os.environ}
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", **kept}


def _await_reply(sock: socket.socket, end: float) -> tuple[Reply | None, bool]:
    """The child's reply and whether time ran out first."""
    try:
        message = read_message(sock, end)
        return (None if message is None else replies().validate_json(message)), False
    except TimeoutError:
        return None, True
    except (OSError, ValueError, ValidationError):
        return None, False


def _readable(sock: socket.socket, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(max(seconds, 0)))


def _await_code(status: socket.socket) -> int | None:
    status.settimeout(END_LIMIT)
    with contextlib.suppress(OSError):
        text = status.recv(16)
        return int(text) if text else None
    return None
