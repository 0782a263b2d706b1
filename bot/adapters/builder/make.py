"""In the fence: sdist from the tree, wheel from the sdist, as `python -m build` does.

A program of its own. From its second step on it runs the project's code, so nothing that it says is believed:
`said.json` is words for a person.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Collection
from pathlib import Path

from build import BuildBackendException, BuildException, ProjectBuilder
from build.env import DefaultIsolatedEnv

FAILED = 1
REQUIREMENTS, BUILDING = "requirements", "building"


def main() -> None:
    """`make.py WORK FOLDER`: builds WORK/src/FOLDER into WORK/out."""
    work, folder = Path(sys.argv[1]), sys.argv[2]
    try:
        with DefaultIsolatedEnv() as environment:
            sdist = _make(environment, work, work / "src" / folder, "sdist")
            with tarfile.open(sdist) as archive:
                archive.extractall(work / "unpacked", filter="data")
            tree = next(path for path in (work / "unpacked").iterdir() if path.is_dir())
            _make(environment, work, tree, "wheel")
    except BuildBackendException as error:
        sys.exit(f"{error}")
    except (BuildException, tarfile.TarError, StopIteration) as error:
        _say(work, {"phase": BUILDING, "what": str(error)})
        sys.exit(f"{type(error).__name__}: {error}")


def _make(environment: DefaultIsolatedEnv, work: Path, tree: Path, kind: str) -> Path:
    builder = ProjectBuilder.from_isolated_env(environment, tree)
    _install(environment, work, builder.build_system_requires)
    _install(environment, work, builder.get_requires_for_build(kind))  # type: ignore[arg-type]  # sdist or wheel
    return Path(builder.build(kind, work / "out"))  # type: ignore[arg-type]  # sdist or wheel


def _install(environment: DefaultIsolatedEnv, work: Path, requirements: Collection[str]) -> None:
    _say(work, {"phase": REQUIREMENTS, "requirements": sorted(requirements)})
    try:
        environment.install(requirements)
    except subprocess.CalledProcessError as error:
        for stream in (error.stdout, error.stderr):
            sys.stderr.write((stream or b"").decode(errors="replace"))
        sys.exit(FAILED)
    _say(work, {"phase": BUILDING})


def _say(work: Path, words: dict[str, object]) -> None:
    (work / "said.json").write_text(json.dumps(words))


if __name__ == "__main__":
    main()
