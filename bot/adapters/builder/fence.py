"""The command line that puts a program behind bubblewrap: everything of ours is absent, not merely forbidden.

Own user, PID, network, mount, IPC and UTS namespaces; the system read-only, and of it only what programs need; one
file system in memory of bounded size to write to; no capability, no further user namespaces. The environment is the
caller's to scrub, since bubblewrap's own can be read inside.

Source: bwrap(1); bubblewrap 0.8 brought --disable-userns.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.builder.front import SITE, Front

WORK, FRONT, PROGRAMS, WHEELHOUSE = "/build", "/front", "/front/programs", "/wheelhouse"
USER = "1000"
SHARED_MEMORY = 64 * 1024 * 1024  # bytes of /dev/shm, where semaphores live
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# The loader's cache and the links of Debian's alternatives; no user names, no keys, no settings.
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives")

_LOCAL = "/usr/local/etc"  # the one folder below /usr where a person keeps settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """One fence around one command. `configuration` is a descriptor from which bubblewrap reads `pyvenv.cfg`."""

    bwrap: str
    front: Front
    disk: int
    configuration: int
    wheelhouse: Path | None = None

    def around(self, command: list[str]) -> list[str]:
        """`command`, whose first part is a path inside, behind the fence. It becomes process 1."""
        return [
            self.bwrap,
            *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
            *("--unshare-cgroup-try", "--disable-userns", "--uid", USER, "--gid", USER, "--hostname", "build"),
            *("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1"),
            *self._system(),
            *self._front(),
            *("--proc", "/proc", "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"),  # noqa: S108
            *("--size", str(self.disk), "--tmpfs", WORK, "--symlink", f"{WORK.lstrip('/')}/tmp", "/tmp"),  # noqa: S108
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK, "--", *command),
        ]

    def _system(self) -> list[str]:
        arguments: list[str] = []
        for name in _SYSTEM:
            path = Path(name)
            if path.is_symlink():
                arguments += ["--symlink", str(path.readlink()), name]
            elif path.is_dir():
                arguments += ["--ro-bind", name, name]
        if Path(_LOCAL).is_dir():
            arguments += ["--tmpfs", _LOCAL]
        for name in _SETTINGS:
            arguments += ["--ro-bind-try", name, name]
        base = self.front.base
        if not any(base.is_relative_to(name) for name in _SYSTEM):
            arguments += ["--ro-bind", str(base), str(base)]
        return arguments

    def _front(self) -> list[str]:
        arguments = ["--symlink", str(self.front.python), f"{FRONT}/bin/python"]
        arguments += ["--ro-bind-data", str(self.configuration), f"{FRONT}/pyvenv.cfg"]
        for name, path in self.front.parts.items():
            arguments += ["--ro-bind", str(path), f"{FRONT}/{SITE}/{name}"]
        for name in ("supervise.py", "make.py"):
            arguments += ["--ro-bind", str(self.front.programs / name), f"{PROGRAMS}/{name}"]
        if self.wheelhouse is not None:
            arguments += ["--ro-bind", str(self.wheelhouse), WHEELHOUSE]
        return arguments


def find_bwrap() -> str | None:
    """The path of bubblewrap, or None where it is not installed."""
    return shutil.which("bwrap")


def environment(*, work: str, wheelhouse: str, told: Mapping[str, str]) -> dict[str, str]:
    """All that a build is told: built up, not filtered. `told` comes last."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": f"{work}/home",
        "TMPDIR": f"{work}/tmp",  # noqa: S108 - below the work folder
        "USER": "build",
        "LOGNAME": "build",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheelhouse,
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        **told,
    }
