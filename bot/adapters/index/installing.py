"""In the child: download one wheel from an index and install it with pip into a fresh environment, offline.

Installing a wheel runs nothing of it: no sdist is ever built, nothing is compiled, and no Python is started in the
environment afterwards, so a `.pth` has no say. bubblewrap, where it works, takes network and writing away all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

from packaging.utils import canonicalize_name

from bot.adapters.index.fetching import FetchError, fetch
from bot.adapters.index.limits import MIB
from bot.adapters.index.messages import Installed, InstallJob, Unreadable
from bot.domain.distributions import parse_version

PIP_SECONDS = 90  # pip's own time; the smallest wheel takes one second of it
MOST_MEMORY = 1024 * MIB  # address space of pip
MOST_WRITTEN = 2048 * MIB  # bytes of one installed file
_LONGEST_WORDS = 4000  # characters of pip's complaint
_SET_PDEATHSIG = 1
_NO_PIP = "pip is not installed beside the bot, so nothing can be installed"
_PROBE = 10  # seconds for bubblewrap to say whether it may


def install(job: InstallJob) -> Installed | Unreadable:
    """Download, install, and see that what is installed is what was asked for."""
    with tempfile.TemporaryDirectory(dir=job.scratch, prefix="install-") as folder:
        place = Path(folder)
        wheels = place / "wheels"
        wheels.mkdir()
        try:
            with (wheels / job.filename).open("wb") as file:
                requests = fetch(job.fetch, file)
        except FetchError as error:
            return error.result
        complaint = _install(place, wheels, job.name, job.version)
    return Installed(complaint=complaint, requests=requests)


def _install(place: Path, wheels: Path, name: str, version: str) -> str:
    """What pip or the environment after it says is wrong; empty if nothing is."""
    pip = _pip()
    if pip is None:
        return _NO_PIP
    fresh = place / "fresh"
    venv.create(fresh, with_pip=False, symlinks=True)
    command = [
        *_bubblewrap(place),
        *(str(fresh / "bin" / "python"), "-I", str(pip), "install", "--isolated", "--no-input", "--quiet"),
        *("--disable-pip-version-check", "--no-cache-dir", "--no-compile", "--ignore-requires-python"),
        *("--no-index", "--no-deps", "--only-binary", ":all:", "--find-links", str(wheels), f"{name}=={version}"),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env={"PATH": os.defpath, "HOME": str(place), "TMPDIR": str(place), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PIP_SECONDS,
            check=False,
            preexec_fn=_bounded,
        )
    except subprocess.TimeoutExpired:
        return f"pip did not end within {PIP_SECONDS} s"
    said = done.stdout[-_LONGEST_WORDS:].decode(errors="replace")
    if done.returncode != 0:
        errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
        return "pip cannot install it: " + ("; ".join(errors) or said.strip() or f"exit code {done.returncode}")
    return "" if _is_there(fresh, name, version) else "pip installed it, but its .dist-info is not in the environment"


def _is_there(fresh: Path, name: str, version: str) -> bool:
    """Whether the environment holds the distribution, by the name of the folder pip records it in.

    The folder has the version in its normal form (PEP 440), metadata may write it otherwise.
    """
    for folder in fresh.glob("lib*/python*/site-packages/*.dist-info"):
        found, _, number = folder.name.removesuffix(".dist-info").rpartition("-")
        if canonicalize_name(found) == canonicalize_name(name) and parse_version(number) == parse_version(version):
            return (folder / "RECORD").is_file()
    return False


def _pip() -> Path | None:
    """pip's runner: what pip itself starts to work for another interpreter than its own."""
    spec = find_spec("pip")
    if spec is None or spec.origin is None:
        return None
    runner = Path(spec.origin).with_name("__pip-runner__.py")
    return runner if runner.is_file() else None


def _bubblewrap(place: Path) -> list[str]:
    """The start of a command that has no network and writes to `place` only; nothing where bubblewrap may not work."""
    found = shutil.which("bwrap")
    if found is None:
        return []
    wrap = [
        *(found, "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/"),
        *("--dev", "/dev", "--proc", "/proc", "--bind", str(place), str(place), "--"),
    ]
    try:
        tried = subprocess.run([*wrap, "/bin/true"], capture_output=True, timeout=_PROBE, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return []
    return wrap if tried.returncode == 0 else []


def _bounded() -> None:
    """In pip's process before it begins: limits, and death with its parent."""
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN),
        (resource.RLIMIT_CPU, PIP_SECONDS),
    ):
        with contextlib.suppress(ValueError):  # a lower limit is in force already
            resource.setrlimit(what, (most, most))
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


assert sys.platform == "linux", "prctl and bubblewrap are Linux's"
