"""The child that reads CI files: one after the other from standard input, each answered on standard output.

It is executed afresh with an almost empty environment. The kernel ends it when a file takes more processor time than
allowed, or more memory; the parent then starts another. It ends by itself when its input closes.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from bot.adapters.ci.bounds import CPU_SECONDS, MEMORY
from bot.adapters.ci.messages import READY, read_job, write_answer
from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiUnknown

OUT_OF_MEMORY = CiUnknown(reason="the CI file could not be read: it takes more memory than is allowed for one")


def main() -> None:
    """Serve until the input ends."""
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers reaches the parent
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, not a terminal
    for facts in (read_ci("job: {script: [echo]}", merged=False), OUT_OF_MEMORY):
        write_answer(io.BytesIO(), facts)  # whatever is loaded late is loaded now
    _bound_memory()
    answers.write(READY)
    answers.flush()
    while _serve_one(jobs, answers):
        pass


def _serve_one(jobs: BinaryIO, answers: BinaryIO) -> bool:
    """Read and answer one file; False when there are no more."""
    job = read_job(jobs)
    if job is None:
        return False
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process, within C code as well
    try:
        facts = read_ci(job.text, merged=job.merged)
        write_answer(answers, facts)
    except MemoryError:
        write_answer(answers, OUT_OF_MEMORY)
        return False  # what is left of it may lie in pieces: a new child begins with a clean heap
    signal.setitimer(signal.ITIMER_PROF, 0)
    return True


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
