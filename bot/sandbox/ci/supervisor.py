"""Runs one command and sees to it that nothing of it survives: a script of its own, started with `python -I -S`.

Standard input brings one line of JSON (`argv`, `cwd`, `env`) and then stays open. When it ends, because the runner
closed it or died, everything the command started is killed, daemons included: as a subreaper this process inherits
them. The same happens when the command itself has ended. The exit code is the command's (128 + signal when killed).
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_CHUNK = 65536


def _read_request() -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        chunk = os.read(0, _CHUNK)
        if not chunk:
            sys.exit(128 + signal.SIGKILL)
        text += chunk
    return text


def _descendants() -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                stat = (entry / "stat").read_bytes()
                parents[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    found = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= grown
    return sorted(found - {os.getpid()})


def _kill_all() -> None:
    while True:
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become(request: dict[str, object], libc: ctypes.CDLL) -> None:
    argv, cwd, env = request["argv"], request["cwd"], request["env"]
    if not isinstance(argv, list) or not isinstance(cwd, str) or not isinstance(env, dict):
        raise TypeError("argv, cwd, env")
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(cwd)
    os.execve(argv[0], argv, env)  # noqa: S606 - replaces this process; there is no shell


def _wait(pid: int, woken: int) -> int:
    """The command's wait status, or that of a kill when standard input ends first."""
    watcher = select.poll()
    watcher.register(0, select.POLLIN | select.POLLHUP)
    watcher.register(woken, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in watcher.poll()}
        if woken in ready:
            os.read(woken, _CHUNK)
            while True:
                ended, status = os.waitpid(-1, os.WNOHANG)
                if ended == pid:
                    return status
                if not ended:
                    break
        if 0 in ready and not os.read(0, _CHUNK):
            return signal.SIGKILL


def main() -> int:
    """Returns the exit code to leave with."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    request = json.loads(_read_request())
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    pid = os.fork()
    if pid == 0:
        try:
            _become(request, libc)
        except (OSError, TypeError, ValueError) as error:
            os.write(2, f"{error}\n".encode())
        os._exit(127)
    status = _wait(pid, woken)
    _kill_all()
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
