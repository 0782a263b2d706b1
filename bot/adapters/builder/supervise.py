"""Process 1 of a build: unpack the tree, start `make`, watch what it takes, end everything, hand the files out.

A program of its own that is mounted into the fence without the rest of the bot, so it imports the standard library
alone. As process 1 of its namespace it can be neither killed nor stopped by what it starts, and what outlives its
parents becomes its child. Standard input is the tree as a plain tar file that was checked before; standard output takes
the files as a zip; how it went is one line of JSON on descriptor `report`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import stat
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAUSE = 0.02  # seconds between two counts of the processes
LOOK = 0.1  # seconds between two looks at what they take
BURST = 16  # new processes between two counts; more may be the beginning of thousands
MOST_OPEN = 1024  # open files of one process
ROOM = 64 * 1024  # bytes; a file system with less is full
MOST_ENTRIES = 300_000  # files and folders; each takes memory of the kernel's, whatever is in it
# What the machine must have left: memory that no process maps (memfd, socket buffers) is nobody's to count.
LEAST_AVAILABLE = 256 * 1024 * 1024  # bytes
LONGEST_SAID = 8 * 1024  # bytes of what the build has to say of itself; the report must fit into a pipe
FEW, LONG = 8, 200  # names in the report, and characters of one
MOST_FILES = 64  # in the folder of results; one sdist and one wheel are expected
PAGE = resource.getpagesize()
_DUMPABLE, _SUBREAPER = 4, 36

Json = dict[str, Any]


def main() -> None:
    """`supervise.py JOB`, the job as JSON: see `service.BuilderAdapter`."""
    job: Json = json.loads(sys.argv[1])
    _harden()
    results = _moved(1)
    os.dup2(2, 1)
    os.set_inheritable(job["report"], False)
    work = Path(job["work"])
    for name in ("src", "out", "home", "tmp"):
        (work / name).mkdir()
    with os.fdopen(_moved(0), "rb") as tree:
        unpack(tree, work / "src")
    told: Json = {"code": None, "over": None, "refused": [], "said": {}, "peak": 0}
    try:
        told |= Watch(job, work).run()
        told["said"] = _said(work / "said.json")
        if told["code"] == 0 and told["over"] is None:
            with os.fdopen(results, "wb") as target:
                told["refused"] = hand_out(work / "out", target)
    finally:
        os.write(job["report"], json.dumps(told).encode())


def _harden() -> None:
    """Nothing in here may read our memory or descriptors, signal us, or leave a core file."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_DUMPABLE, 0, 0, 0, 0) or libc.prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _moved(number: int) -> int:
    """The file of a standard descriptor under a number that no child inherits; the descriptor itself leads nowhere."""
    moved = os.dup(number)
    with contextlib.closing(open(os.devnull, "r+b", buffering=0)) as null:  # noqa: PTH123 - plain is enough
        os.dup2(null.fileno(), number)
    return moved


def unpack(tree: Any, folder: Path) -> None:
    """Lay a checked tree out in an empty folder, without its top folder; links last, so that nothing is written
    through one.
    """
    links = []
    with tarfile.open(fileobj=tree, mode="r:") as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            path = folder / name
            if not name or member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                links.append((path, member.linkname))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                with path.open("xb") as copy:
                    shutil.copyfileobj(content, copy)  # type: ignore[arg-type]  # a file has content
                path.chmod(0o755 if member.mode & 0o100 else 0o644)
                os.utime(path, (member.mtime, member.mtime))
    for path, target in links:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


class Watch:
    """Runs the build and looks at what it takes, ten times a second."""

    def __init__(self, job: Json, work: Path) -> None:
        self._job = job
        self._work = work
        self._end = time.monotonic() + job["time"]
        self._peak = self._there = 0
        self._look = 0.0

    def run(self) -> Json:
        """How it ended; nothing that it started is left."""
        worker = self._start()
        over: str | None = None
        code: int | None = None
        try:
            while code is None and over is None:
                self._pause()
                code = self._reap(worker)
                over = self._over(time.monotonic())
            if code not in (None, 0) and over is None and self._full():
                over = "disk"
        finally:
            self._clear()
        return {"code": code, "over": over, "peak": self._peak}

    def _start(self) -> int:
        job = self._job
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setpriority(os.PRIO_PROCESS, 0, job["nice"])
            # Memory is counted over all processes while they run; a single one may not even map twice of it. Processes
            # are counted, too: the kernel's own limit counts all of the user's, whoever started them.
            for name, most in (
                (resource.RLIMIT_AS, 2 * job["memory"]),
                (resource.RLIMIT_CPU, int(job["time"]) + 1),
                (resource.RLIMIT_FSIZE, job["disk"]),
                (resource.RLIMIT_NOFILE, MOST_OPEN),
            ):
                hard = resource.getrlimit(name)[1]
                most = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(name, (most, most))
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.chdir(self._work)
            os.execve(job["argv"][0], job["argv"], job["environment"])  # noqa: S606
        finally:
            os._exit(70)

    def _pause(self) -> None:
        """Sit out a moment; where we are no process 1, the end of the daemon is seen at descriptor `life`."""
        life = self._job.get("life")
        ended, _, _ = select.select([] if life is None else [life], [], [], PAUSE)
        if ended:
            self._clear()
            os._exit(70)

    def _reap(self, worker: int) -> int | None:
        """Collect whatever ended; the worker's exit code once it is among them."""
        code = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == worker:
                    code = os.waitstatus_to_exitcode(status)
        return code

    def _over(self, now: float) -> str | None:
        """Which limit is exceeded, if any."""
        if now >= self._end:
            return "time"
        # Looking at each process takes time, which thousands of them leave us little of: count first.
        there, before = sum(name.isdigit() for name in os.listdir("/proc")), self._there  # noqa: PTH208 - names only
        self._there = there
        if os.getpid() == 1 and there > self._job["tasks"]:
            return "processes"
        if there - before > BURST or now < self._look:
            return None
        self._look = now + LOOK
        tasks = memory = 0
        for _, threads, resident in self._family():
            tasks += threads
            memory += resident
        if tasks > self._job["tasks"]:
            return "processes"
        if memory > self._job["memory"]:
            return "memory"
        self._peak = max(self._peak, memory)
        if _available() < LEAST_AVAILABLE:
            return "machine"
        return "disk" if self._full() else None

    def _full(self) -> bool:
        if self._job["bounded"]:
            there = os.statvfs(self._work)
            return there.f_bavail * there.f_frsize < ROOM or there.f_files - there.f_ffree > MOST_ENTRIES
        used = entries = 0
        for folder, folders, names in os.walk(self._work):
            entries += len(folders) + len(names)
            if entries > MOST_ENTRIES:
                return True
            for name in names:
                with contextlib.suppress(OSError):
                    used += os.lstat(f"{folder}/{name}").st_blocks * 512
        most: int = self._job["disk"]
        return used > most

    def _family(self) -> Iterator[tuple[int, int, int]]:
        """Process id, number of threads and resident bytes of every process that the build started.

        Only what the kernel tells without a lock of the process's own: one that it holds would hold us up. So pages
        that processes share are counted for each of them.
        """
        found: dict[int, tuple[int, int, int]] = {}
        for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of entries, and only their names
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    fields = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2].split()
                    if fields[0] != "Z":
                        found[int(name)] = (int(fields[1]), int(fields[17]), int(fields[21]) * PAGE)
        own = os.getpid()
        for pid, (_, threads, resident) in found.items():
            if pid != own and (own == 1 or _descends(pid, own, found)):
                yield pid, threads, resident

    def _clear(self) -> None:
        """End every process that the build started. Raises: TimeoutError if one cannot be ended."""
        end = time.monotonic() + 10
        while True:
            if os.getpid() == 1:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            else:
                for pid, _, _ in self._family():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            if time.monotonic() > end:
                raise TimeoutError("a process of the build cannot be ended")
            time.sleep(0.005)


def _descends(pid: int, from_: int, found: dict[int, tuple[int, int, int]]) -> bool:
    while pid in found:
        pid = found[pid][0]
        if pid == from_:
            return True
    return False


def _available() -> int:
    """Bytes that the machine can still give to somebody."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return sys.maxsize


def _said(path: Path) -> Json:
    """What `make` left to say; whatever the build may have made of it is text at most."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return {}
            said = json.loads(file.read(LONGEST_SAID))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def hand_out(folder: Path, target: Any) -> list[str]:
    """Pack the regular files in the folder; returns the names of what is none, and then packs nothing that counts."""
    refused = []
    with zipfile.ZipFile(target, "w") as archive:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names only, of whatever kind
        for name in names[:MOST_FILES]:
            try:
                file = os.fdopen(os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
            except OSError:
                refused.append(name)
                continue
            with file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    refused.append(name)
                    continue
                with archive.open(zipfile.ZipInfo(f"dist/{name}"), "w", force_zip64=False) as copy:
                    shutil.copyfileobj(file, copy)
        refused += names[MOST_FILES:]
    return [name[:LONG] for name in refused[:FEW]]


if __name__ == "__main__":
    main()
