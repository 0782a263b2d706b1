"""Programs of others that hold what we ship against their own rules; .ci/system installs them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.clients.throwaway import unavailable

ROOT = Path(__file__).parents[1]
WITHIN = 60  # seconds


def program(name: str) -> str:
    """Where it is: in .tools of this checkout, else on PATH. Without it: skip, or fail where the run must be whole."""
    found = shutil.which(name, path=str(ROOT / ".tools" / "bin")) or shutil.which(name)
    if found is None:
        unavailable(f"{name} is not installed: run .ci/system")
    assert found is not None, "unavailable raises"
    return found


def run(command: Sequence[str | Path], *, folder: Path = ROOT, given: str | None = None) -> tuple[int, str]:
    """Its exit code, and what it said."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        input=given,
        stdin=None if given is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return done.returncode, done.stdout
