"""Gathering: from what jobs left to kept files that twine has nothing against, or to sentences for a person."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.limits import Patience
from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import DistributionKind, Metadata
from tests.contract.index_parts import artifacts, make_adapter, sdist_bytes, wheel_bytes

WHEEL = "widget-1.0-py3-none-any.whl"
SDIST = "widget-1.0.tar.gz"


HATCH = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "acme-rope"
version = "2.1"
readme = "README.md"
"""
SETUP = """
from setuptools import setup
setup(name="acme_twine", version="3.0", py_modules=["acme_twine"], long_description="Twine.",
      long_description_content_type="text/plain")
"""
PROJECTS: dict[str, Mapping[str, str]] = {
    "hatchling": {"pyproject.toml": HATCH, "README.md": "# Rope\n", "acme_rope/__init__.py": "x = 1\n"},
    "setuptools": {"setup.py": SETUP, "acme_twine.py": "x = 1\n"},
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What `python -m build` makes of a hatchling project and of a setup.py: wheel and sdist of each."""
    files: dict[str, bytes] = {}
    for backend, tree in PROJECTS.items():
        folder = tmp_path_factory.mktemp(backend)
        for path, text in tree.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        command = [sys.executable, "-m", "build", "--no-isolation", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        files |= {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}
    return files


@pytest.mark.slow
def test_what_real_builds_make_is_kept_and_twine_finds_no_fault(
    built: dict[str, bytes], adapter: IndexAdapter, tmp_path: Path
) -> None:
    zip_file = artifacts(tmp_path, {f"dist/{name}": data for name, data in built.items()})
    gathered = adapter.gather([(7, "build", zip_file)])
    assert gathered.problems == ()
    assert {file.filename for file in gathered.files} == set(built) and len(built) == 4
    for file in gathered.files:
        assert file.problem == ""
        assert (file.sha256, file.size) == (hashlib.sha256(built[file.filename]).hexdigest(), len(built[file.filename]))
        assert (file.origin, file.job_id) == ("job 7 (build)", 7)
        assert adapter.has(file.sha256)
    metadata = {file.metadata for file in gathered.files}
    assert metadata == {Metadata(name="acme-rope", version="2.1"), Metadata(name="acme_twine", version="3.0")}
    assert {file.kind for file in gathered.files} == set(DistributionKind)


def test_only_what_lies_in_dist_counts_where_there_is_a_dist(adapter: IndexAdapter, tmp_path: Path) -> None:
    files = {f"out/dist/{WHEEL}": wheel_bytes(), "wheels/dep-9-py3-none-any.whl": b"?", "report.xml": b"<x/>"}
    gathered = adapter.gather([(7, "build", artifacts(tmp_path, files))])
    assert [file.filename for file in gathered.files] == [WHEEL]
    assert gathered.problems == ()


def test_without_a_dist_any_folder_will_do_and_several_jobs_add_up(adapter: IndexAdapter, tmp_path: Path) -> None:
    one = artifacts(tmp_path, {f"wheelhouse/{WHEEL}": wheel_bytes()}, "one.zip")
    two = artifacts(tmp_path, {SDIST: sdist_bytes(), WHEEL: wheel_bytes()}, "two.zip")
    gathered = adapter.gather([(7, "wheel", one), (8, "sdist", two)])
    assert [(file.filename, file.origin) for file in gathered.files] == [
        (WHEEL, "job 7 (wheel)"),
        (SDIST, "job 8 (sdist)"),
    ]
    assert gathered.problems == ()


def test_what_looks_like_a_distribution_and_is_none_is_said_with_its_job(adapter: IndexAdapter, tmp_path: Path) -> None:
    """And what is of no concern is not: another's wheels, an archive that nobody calls a distribution."""
    wheels = artifacts(
        tmp_path, {f"dist/{WHEEL}": wheel_bytes(), "dist/widget-1.0.zip": b"PK", "docs.tar.gz": b""}, "a.zip"
    )
    others = {SDIST: sdist_bytes(), "wheels/dep-9-py3-none-any.whl": b"?", "dist/widget-1.0-py3.11.egg": b""}
    gathered = adapter.gather([(7, "wheel", wheels), (8, "sdist", artifacts(tmp_path, others, "b.zip"))])
    assert [file.filename for file in gathered.files] == [WHEEL]
    assert gathered.problems == ()
    assert [(one.filename, one.origin, re.split("[,:]", one.why)[0]) for one in gathered.left_out or ()] == [
        ("widget-1.0.zip", "job 7 (wheel)", "an sdist is a .tar.gz (PEP 625)"),
        (SDIST, "job 8 (sdist)", "it lies outside dist/"),
        ("widget-1.0-py3.11.egg", "job 8 (sdist)", "eggs are taken by no index any more (PEP 715)"),
    ]


def fill(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


Archives = Callable[[Path], list[tuple[int, str, Path]]]
PROBLEMS: list[tuple[str, Archives, list[str]]] = [
    ("no archive", lambda _: [], ["No job made a wheel or an sdist: there was no archive."]),
    (
        "nothing in them",
        lambda folder: [
            (7, "lint", artifacts(folder, {f"logs/{n}.txt": b"" for n in range(7)}, "a.zip")),
            (8, "docs", artifacts(folder, {}, "b.zip")),
        ],
        [
            "No job made a wheel or an sdist: job 7 (lint) left logs/0.txt, logs/1.txt, logs/2.txt, logs/3.txt,"
            " logs/4.txt and 2 more; job 8 (docs) left an empty archive."
        ],
    ),
    (
        "an sdist that no index takes",
        lambda folder: [(7, "build", artifacts(folder, {"out/widget-1.0.zip": b"PK"}, "a.zip"))],
        [
            "No job made a wheel or an sdist: job 7 (build) left out/widget-1.0.zip.",
            "widget-1.0.zip of job 7 (build) is left out: an sdist is a .tar.gz (PEP 625), and PyPI refuses all else:"
            " let the job build it with `python -m build`.",
        ],
    ),
    (
        "broken zip",
        lambda folder: [(7, "build", fill(folder / "a.zip", b"<html>not a zip</html>"))],
        ["The artifacts of job 7 (build) are refused: the archive is not a zip file, or was cut short."],
    ),
    (
        "same name, other bytes",
        lambda folder: [
            (7, "linux", artifacts(folder, {WHEEL: wheel_bytes()}, "a.zip")),
            (8, "again", artifacts(folder, {WHEEL: wheel_bytes(description="Other.\n")}, "b.zip")),
        ],
        [f"{WHEEL} comes with different bytes from job 7 (linux) and job 8 (again)."],
    ),
    (
        "hostile wheel",
        lambda folder: [(7, "build", artifacts(folder, {f"dist/{WHEEL}": wheel_bytes("gadget")}))],
        [
            f"{WHEEL} of job 7 (build) is refused: it holds 'gadget-1.0.dist-info', which is not what its file name"
            " says."
        ],
    ),
    (
        "no wheel's name",
        lambda folder: [(7, "build", artifacts(folder, {"dist/widget-latest.whl": wheel_bytes()}))],
        ["widget-latest.whl of job 7 (build) is refused: it has a file name that no index takes."],
    ),
    (
        "a wheel in capitals",
        lambda folder: [(7, "build", artifacts(folder, {f"dist/{WHEEL.upper()}": wheel_bytes()}))],
        [f"{WHEEL.upper()} of job 7 (build) is refused: it has a file name that no index takes."],
    ),
    (
        "a name to be careful with",
        lambda folder: [(7, "build", artifacts(folder, {"dist/a;b-1.0.tar.gz": sdist_bytes()}))],
        ["a;b-1.0.tar.gz of job 7 (build) is refused: it has a file name that no index takes."],
    ),
    (
        "too many",
        lambda folder: [(7, "build", artifacts(folder, {f"w{n}-1-py3-none-any.whl": b"" for n in range(301)}))],
        ["The jobs made 301 wheels and sdists; a release has at most 300."],
    ),
    (
        "a job with a terrible name",
        lambda folder: [(7, "a\nb\x1b[31m glpat-aaaaaaaaaaaaaaaaaaaa", fill(folder / "a.zip", b"x" * 40))],
        ["The artifacts of job 7 (a b[31m [hidden]) are refused: the archive is not a zip file, or was cut short."],
    ),
]


@pytest.mark.parametrize(("make", "sentences"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_what_cannot_be_released_is_a_sentence_that_names_the_job(
    make: Archives, sentences: list[str], adapter: IndexAdapter, tmp_path: Path
) -> None:
    assert list(adapter.gather(make(tmp_path)).problems) == sentences


def rst_wheel(description: str) -> bytes:
    return wheel_bytes(description=description, content_type="text/x-rst")


COMPLAINTS: list[tuple[str, bytes, str]] = [
    (
        "broken markup",
        rst_wheel("Title\n==\n\n`x <http://a\n\n.. nothing:: here\n\n|x\n"),
        "twine check --strict: `long_description` has syntax errors in markup and would not be rendered on PyPI. line",
    ),
    ("no description", wheel_bytes(description=""), "twine check --strict: `long_description` missing."),
    (
        "unknown field value",
        wheel_bytes(content_type="text/html"),
        "twine check --strict: Invalid distribution metadata: 'description-content-type' must be one of",
    ),
    ("a secret in it", rst_wheel(".. glpat-aaaaaaaaaaaaaaaaaaaa:: x\n"), "[hidden]"),
]


@pytest.mark.parametrize(("data", "words"), [row[1:] for row in COMPLAINTS], ids=[row[0] for row in COMPLAINTS])
def test_what_twine_objects_to_is_one_readable_line(
    data: bytes, words: str, adapter: IndexAdapter, tmp_path: Path
) -> None:
    gathered = adapter.gather([(7, "build", artifacts(tmp_path, {WHEEL: data}))])
    assert gathered.problems == ()
    (file,) = gathered.files
    assert words in file.problem
    assert len(file.problem.splitlines()) == 1
    assert len(file.problem) <= 300
    assert str(tmp_path) not in file.problem
    assert "glpat" not in file.problem


TABLE = "+" + "-+" * 300 + "\n" + ("|" + " |" * 300 + "\n+" + "-+" * 300 + "\n") * 100
SUBSTITUTIONS = [f".. |a{n}| replace:: " + f"|a{n + 1}| " * 4 for n in range(12)]
BOMBS: list[tuple[str, str, int, str]] = [
    ("depth", "\n".join("  " * depth + "* x\n" for depth in range(300)), 300, "breaks off with RecursionError"),
    (
        "time",
        "\n".join(["|a0|\n", *SUBSTITUTIONS, ".. |a12| replace:: x"]),
        300,
        "more than 2 s of processor time",
    ),
    ("memory", TABLE, 12, "memory"),
]


@pytest.mark.parametrize(("description", "memory", "words"), [row[1:] for row in BOMBS], ids=[row[0] for row in BOMBS])
@pytest.mark.slow
def test_a_description_that_eats_time_or_memory_is_a_problem_in_bounded_time(
    description: str, memory: int, words: str, tmp_path: Path, children: Children
) -> None:
    adapter = make_adapter(tmp_path / "state", children, patience=Patience(check=8, cpu=2, memory=memory << 20))
    begun = time.monotonic()
    gathered = adapter.gather([(7, "build", artifacts(tmp_path, {WHEEL: rst_wheel(description)}))])
    assert words in gathered.files[0].problem
    assert time.monotonic() - begun < 10


def test_forgotten_files_are_gone_and_damaged_ones_do_not_count(adapter: IndexAdapter, tmp_path: Path) -> None:
    gathered = adapter.gather([(7, "build", artifacts(tmp_path, {WHEEL: wheel_bytes(), SDIST: sdist_bytes()}))])
    wheel, sdist = gathered.files
    assert adapter.has(wheel.sha256)
    adapter.forget(wheel.sha256)
    adapter.forget(wheel.sha256)
    adapter.forget("../../etc")
    assert not adapter.has(wheel.sha256)
    assert not adapter.has("../../etc")
    assert adapter.has(sdist.sha256)
    kept = next((tmp_path / "state").rglob(SDIST))
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"x")
    assert not adapter.has(sdist.sha256)
    adapter.gather([(7, "build", artifacts(tmp_path, {SDIST: sdist_bytes()}))])
    assert adapter.has(sdist.sha256)
