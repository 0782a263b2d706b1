"""A throw-away Python environment for each job: it sees the tools installed here and cannot change them."""

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from pathlib import Path

_LAUNCHER = """\
#!/usr/bin/env python3
import sys

from {module} import {first}

sys.argv[0] = {name!r}
sys.exit({call}())
"""


class PythonHome:
    """Makes environments by hand, as `venv` would, in a millisecond; one folder of launchers serves them all.

    `pip install` in a job writes into the job's own folder; packages of the running interpreter (build, twine,
    setuptools, …) are importable there, so jobs work without a network. Only plain packages are: `.pth` files of the
    running interpreter, such as an editable install of this project, are not followed.
    """

    def __init__(self, folder: Path) -> None:
        self._launchers = folder / "launchers"
        self._packages = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        self._base = Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
        self._version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self._launchers.mkdir(parents=True, exist_ok=True)
        own = __name__.partition(".")[0]
        for entry in importlib.metadata.entry_points(group="console_scripts"):
            if entry.module.partition(".")[0] != own and "/" not in entry.name:
                self._launcher(entry)

    def _launcher(self, entry: importlib.metadata.EntryPoint) -> None:
        path = self._launchers / entry.name
        first = entry.attr.partition(".")[0]
        path.write_text(_LAUNCHER.format(module=entry.module, first=first, name=entry.name, call=entry.attr))
        path.chmod(0o755)

    def create(self, folder: Path) -> str:
        """Make an environment in a new folder and return the PATH that begins with it."""
        programs = folder / "bin"
        site = folder / "lib" / self._version / "site-packages"
        programs.mkdir(parents=True)
        site.mkdir(parents=True)
        (folder / "pyvenv.cfg").write_text(
            f"home = {self._base.parent}\ninclude-system-site-packages = false\n"
            f"version = {'.'.join(map(str, sys.version_info[:3]))}\n"
        )
        (programs / "python").symlink_to(self._base)
        for name in ("python3", self._version):
            (programs / name).symlink_to("python")
        (site / "host.pth").write_text("".join(f"{package}\n" for package in self._packages))
        return os.pathsep.join([str(programs), str(self._launchers), *self._system_path()])

    def _system_path(self) -> list[str]:
        """The PATH of this process without the environment it runs in."""
        own = str(Path(sys.prefix) / "bin") if sys.prefix != sys.base_prefix else None
        return [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part and part != own]


def remove_tree(folder: Path) -> None:
    """Delete a folder a job has used, also where the job took away the right to write.

    Raises:
        OSError: something cannot be removed even so.
    """

    def again(_function: object, path: str, _: object) -> None:
        Path(path).parent.chmod(0o700)
        if not os.path.islink(path) and os.path.isdir(path):  # noqa: PTH112, PTH114 - the path may be any bytes
            os.chmod(path, 0o700)  # noqa: PTH101
            shutil.rmtree(path)
        else:
            os.unlink(path)  # noqa: PTH108

    if folder.exists():
        shutil.rmtree(folder, onerror=again)
