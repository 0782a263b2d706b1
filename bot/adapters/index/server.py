"""The fork server: a process of its own that has imported twine and forks one child per job.

It is executed afresh with an environment of four names and never holds a secret: the daemon sends it descriptors only,
and what a job says goes over a socket that the child alone reads. The standard library's fork server would inherit the
daemon's environment, run its `__main__` again in every child and start a helper beside it; this one does none of that.

Who dies with whom: the server ends when the daemon's end of the control socket closes; a child is killed by the kernel
when the server dies, by the server when the daemon asks or dies, and by itself when its own socket closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import threading
import time

from bot.adapters.index.jobs import perform
from bot.adapters.index.limits import OUT_OF_MEMORY
from bot.adapters.index.messages import UploadJob, jobs, read_message, replies, write_message

READY = b"ready"
MOST_DESCRIPTORS = 3  # the child's socket, the status socket, and perhaps a lock
_SET_PDEATHSIG = 1
_SET_DUMPABLE = 4
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the daemon decides when an upload ends, not a terminal


def main() -> None:
    """Serve the control socket whose number is the only argument, until its other end closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _harden()
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    jobs()  # made here once, not in every child
    replies()
    gc.freeze()  # what is imported stays shared between the children
    control.send(READY)
    _Server(control).serve()


class _Server:
    """One thread, one loop: descriptors in, children out, exit codes back."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            for pid, status in list(self._children.items()):
                if status in ready:
                    self._selector.unregister(status)  # the daemon shut its side: the child's time is over
                    os.kill(pid, signal.SIGKILL)  # not yet reaped, so the number is still this child's
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(4096)
                self._reap()
            if self._control in ready and not self._accept():
                return  # the kernel kills the children with us

    def _accept(self) -> bool:
        """Fork one child for one message; False when the daemon is gone."""
        data, descriptors, _, _ = socket.recv_fds(self._control, 16, MOST_DESCRIPTORS)
        if not data:
            return False
        job, status, *locks = descriptors
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no memory or no process left: the daemon sees the sockets close
            for descriptor in descriptors:
                os.close(descriptor)
            return True
        if pid == 0:
            self._become_child(server, job, status)
        os.close(job)
        for lock in locks:
            os.close(lock)
        self._children[pid] = socket.socket(fileno=status)
        self._selector.register(self._children[pid], selectors.EVENT_READ)
        return True

    def _reap(self) -> None:
        while self._children:
            pid, raw = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            status = self._children.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(status)
            with contextlib.suppress(OSError):
                status.send(str(os.waitstatus_to_exitcode(raw)).encode())
            status.close()

    def _become_child(self, server: int, job: int, status: int) -> None:
        """Never returns. The lock's descriptor, if there is one, stays open as long as this process lives."""
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for end in (self._control, self._wake_read, self._wake_write, *self._children.values()):
                end.close()
            os.close(status)
            _die_with(server)
            _run(socket.socket(fileno=job))
            code = 0
        except MemoryError:
            code = OUT_OF_MEMORY
        finally:
            os._exit(code)


def _run(sock: socket.socket) -> None:
    """Do the one job that stands on the socket and answer on it."""
    message = read_message(sock)
    if message is None:
        return
    job = jobs().validate_json(message)
    if isinstance(job, UploadJob) and job.until:
        _end_by(job.until)
    threading.Thread(target=_end_with, args=(sock.dup(),), daemon=True).start()
    write_message(sock, replies().dump_json(perform(job)))


def _end_by(until: float) -> None:
    """The kernel ends this process at that moment, whatever became of the daemon: one that is frozen kills nobody."""
    left = until - time.monotonic()
    if left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, left)


def _end_with(sock: socket.socket) -> None:
    """The daemon sends nothing after the job: whatever can be read now is its end."""
    with contextlib.suppress(OSError):
        sock.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _harden() -> None:
    """No core dumps, no reading of our memory or environment by others of our user, files for us alone."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_SET_DUMPABLE, 0)


def _die_with(server: int) -> None:
    _prctl(_SET_DUMPABLE, 0)
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it died before the kernel was told
        os._exit(70)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


_LIBC = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main()
