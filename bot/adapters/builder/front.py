"""The environment in which `supervise` and `make` run: a Python that sees `build`, what it needs, and nothing else."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

# What `make` imports and runs: distribution -> import package.
_PARTS = {"build": "build", "pyproject-hooks": "pyproject_hooks", "packaging": "packaging", "pip": "pip"}
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE = Path("lib", _VERSION, "site-packages")


class MissingToolError(Exception):
    """Something that every build needs is not installed. `str()` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """`python` is the interpreter itself, `base` its prefix, `parts` are folders by their name in site-packages,
    `programs` the folder with `supervise.py` and `make.py`.
    """

    python: Path
    base: Path
    parts: dict[str, Path]
    programs: Path

    @property
    def configuration(self) -> str:
        """The text of `pyvenv.cfg`."""
        return f"home = {self.python.parent}\ninclude-system-site-packages = false\n"


def find_front() -> Front:
    """Where the parts are installed here. Raises: MissingToolError."""
    parts: dict[str, Path] = {}
    for distribution, module in _PARTS.items():
        spec = importlib.util.find_spec(module)
        try:
            found = importlib.metadata.distribution(distribution)
        except importlib.metadata.PackageNotFoundError:
            raise MissingToolError(distribution) from None
        if spec is None or not spec.submodule_search_locations:
            raise MissingToolError(distribution)
        parts[module] = Path(spec.submodule_search_locations[0])
        info = f"{distribution.replace('-', '_')}-{found.version}.dist-info"
        parts[info] = Path(str(found.locate_file(info)))
    if importlib.util.find_spec("venv") is None:
        raise MissingToolError("venv")
    return Front(
        python=Path(getattr(sys, "_base_executable", None) or sys.executable).resolve(),
        base=Path(sys.base_prefix).resolve(),
        parts=parts,
        programs=Path(__file__).parent.resolve(),
    )


def lay_out(front: Front, folder: Path) -> Path:
    """Make the environment in an empty folder, for builds without a fence; returns its interpreter."""
    (folder / "bin").mkdir(parents=True)
    (folder / SITE).mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(front.configuration)
    (folder / "bin/python").symlink_to(front.python)
    for name, path in front.parts.items():
        (folder / SITE / name).symlink_to(path)
    return folder / "bin/python"
