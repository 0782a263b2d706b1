"""Honest builds, builds that cannot be, and the end of a daemon in the middle of one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from bot.adapters.builder.service import BuilderAdapter
from bot.domain.policy import BuildPolicy, Isolation
from bot.domain.secrets import Redactor, Secret
from bot.ports.builder import BuildOrder, Built
from tests.contract.builds import MOMENT, SHA, Link, Tree, need_bubblewrap, packed, wheelhouse
from tests.contract.hostile_builds import BACKEND, PYPROJECT
from tests.stories.bot import alive, children_of
from tests.waiting import until

pytestmark = pytest.mark.slow

SECRET = "s3cret-in-the-output"
SCM: Tree = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools>=61", "setuptools-scm>=8"]\n'
    'build-backend = "setuptools.build_meta"\n[project]\nname = "acme.wid-get"\ndynamic = ["version"]\n'
    "[tool.setuptools_scm]\n",
    "acme_widget.py": "x = 1\n",
}


def make(folder: Path, isolation: Isolation = Isolation.BUBBLEWRAP) -> BuilderAdapter:
    """A builder with small limits."""
    if isolation is Isolation.BUBBLEWRAP:
        need_bubblewrap()
    policy = BuildPolicy(wheelhouse=wheelhouse(), isolation=isolation, time=timedelta(seconds=60))
    return BuilderAdapter(policy=policy, scratch=folder / "builds", redactor=Redactor([Secret(SECRET)]))


def build(builder: BuilderAdapter, folder: Path, tree: Tree, name: str | None = None, place: str = "") -> Built:
    """Build a tree as version 1.1.0."""
    archive = folder / "tree.tar.gz"
    archive.write_bytes(packed(tree))
    return builder.build(archive, BuildOrder(sha=SHA, folder=place, version="1.1.0", name=name))


@pytest.mark.parametrize("isolation", Isolation)
def test_the_tag_is_the_version_and_the_commit_the_time(tmp_path: Path, isolation: Isolation) -> None:
    """setuptools-scm has no git to ask, and both files come out, whatever fence there is."""
    tree = {f"packages/widget/{path}": text for path, text in SCM.items()}
    built = build(make(tmp_path, isolation), tmp_path, tree, name="acme.wid-get", place="packages/widget")
    assert built.problems == () and built.files is not None
    with zipfile.ZipFile(built.files) as archive:
        names = archive.namelist()
        wheel = archive.read("dist/acme_wid_get-1.1.0-py3-none-any.whl")
    assert names == ["dist/acme_wid_get-1.1.0-py3-none-any.whl", "dist/acme_wid_get-1.1.0.tar.gz"]
    with zipfile.ZipFile(BytesIO(wheel)) as inner:
        stamp = inner.getinfo("acme_widget.py").date_time
    assert stamp == time.gmtime(MOMENT)[:6] or stamp == time.gmtime(MOMENT - MOMENT % 2)[:6]
    built.files.unlink()
    assert list((tmp_path / "builds").iterdir()) == []


NEEDS = '[build-system]\nrequires = ["hatchling>=9999"]\nbuild-backend = "hatchling.build"\n'
FAILS = {
    "a backend that the wheelhouse lacks": (
        {"pyproject.toml": NEEDS},
        r"needs hatchling>=9999, and build.wheelhouse",
        True,
    ),
    "no project": ({"README.md": "# Hello\n"}, r"pyproject.toml", False),
    "a broken file": ({"pyproject.toml": "[build-system\n"}, r"The build ended with code 1: .*pyproject.toml", False),
    "a program that raises": (
        {"setup.py": f"raise SystemExit('over and out {SECRET}')\n"},
        r"over and out \[hidden\]",
        False,
    ),
    "a link out of the tree": (
        {"setup.py": "", "README.md": Link("../../etc/passwd")},
        r"archive is refused: it holds 'README.md', a link to '../../etc/passwd', which leads out of the tree",
        False,
    ),
}


@pytest.mark.parametrize(("tree", "words", "again"), FAILS.values(), ids=FAILS)
def test_a_build_that_fails_says_why(tmp_path: Path, tree: Tree, words: str, again: bool) -> None:
    """The end of what it said, without secrets, and whether another commit is needed."""
    built = build(make(tmp_path), tmp_path, tree)
    assert built.files is None and len(built.problems) == 1
    assert re.search(words, built.problems[0]), built.problems
    assert built.again is again
    assert list((tmp_path / "builds").iterdir()) == []


def test_without_a_fence_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bubblewrap, one that may not, one that ends well later: the reason and the remedy, then it works."""
    need_bubblewrap()
    builder, path = make(tmp_path), os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    built = build(builder, tmp_path, SCM)
    assert "bubblewrap is not installed" in built.problems[0] and built.again
    assert "build.isolation: none" in built.problems[0]
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    assert "No permissions to create new namespace. Install" in builder.obstacle()
    monkeypatch.setenv("PATH", path)
    assert builder.obstacle() == ""
    off = BuilderAdapter(policy=None, scratch=tmp_path, redactor=Redactor())
    assert off.obstacle().startswith("Building from source is off")


@pytest.fixture(params=Isolation)
def building(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A daemon with a build under way that would never end, half of it detached."""
    if request.param is Isolation.BUBBLEWRAP:
        need_bubblewrap()
    code = "import signal, subprocess\nsubprocess.Popen(['sleep', '301'], start_new_session=True)\nsignal.pause()"
    body = "".join(f"    {line}\n" for line in code.splitlines())
    tree = {"pyproject.toml": PYPROJECT, "evil.py": BACKEND.format(attack=body), "target.py": ""}
    (tmp_path / "tree.tar.gz").write_bytes(packed(tree))
    order = {
        "archive": str(tmp_path / "tree.tar.gz"),
        "sha": SHA,
        "wheelhouse": str(wheelhouse()),
        "isolation": request.param.value,
        "time": 600,
        "memory": 1 << 30,
        "disk": 1 << 30,
    }
    daemon = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.build_daemon", str(tmp_path / "builds")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert daemon.stdin is not None
    daemon.stdin.write(json.dumps(order) + "\n")
    daemon.stdin.flush()
    yield daemon
    daemon.kill()
    daemon.wait()


def test_a_build_dies_with_the_daemon(building: subprocess.Popen[str]) -> None:
    """kill -9 in the middle of a build: a moment later nothing of it runs."""
    family = until(lambda: _at_work(_below(building.pid)), 30)
    building.kill()
    until(lambda: not any(map(alive, family)), 10)


def _at_work(family: list[int]) -> list[int]:
    """The family once the build itself is among them, else none."""
    return family if any(map(_is_sleep, family)) else []


def _below(pid: int) -> list[int]:
    found, new = list[int](), [pid]
    while new:
        new = [child for parent in new for child in children_of(parent)]
        found += new
    return found


def _is_sleep(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00301\x00"
    except OSError:
        return False
