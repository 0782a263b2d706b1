"""The child that reads CI files: it says what the reading says, and whatever kills it costs one file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.ci.bounds import MEMORY
from bot.adapters.ci.reading import read_ci
from bot.adapters.ci.service import CiReader, parse_ci
from bot.domain.ci import CiFacts, CiUnknown
from tests.unit.ci_hostile import MEAN, ODD
from tests.unit.ci_texts import uploading

GUIDE = (Path(__file__).parents[1] / "data/guide/gitlab-ci.yml").read_text()
GOOD = uploading("make", keys="only: [main]")
ENDLESS = uploading("a|" * 20_000)  # what the shell's grammar takes far too long for


@pytest.fixture(scope="module")
def reader() -> Iterator[CiReader]:
    """A reader of its own."""
    reader = CiReader()
    yield reader
    reader.close()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("text", [GUIDE, GOOD, *ODD.values()])
@pytest.mark.parametrize("merged", [False, True])
def test_facts_come_through_the_pipe_as_they_were_read(reader: CiReader, text: str, merged: bool) -> None:
    assert reader.parse_ci(text, merged=merged) == read_ci(text, merged=merged)


def test_many_files_are_read_by_one_child(reader: CiReader) -> None:
    reader.parse_ci(GOOD)
    pid = reader.pid
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(reader.parse_ci, [GOOD, GUIDE] * 20))
    assert found == [read_ci(GOOD, merged=False), read_ci(GUIDE, merged=False)] * 20
    assert reader.pid == pid


def test_a_dead_child_is_replaced_and_nothing_is_lost(reader: CiReader) -> None:
    reader.parse_ci(GOOD)
    assert reader.pid is not None
    before = reader.pid
    os.kill(before, signal.SIGSEGV)
    assert isinstance(reader.parse_ci(GOOD), CiFacts)
    assert reader.pid != before


@pytest.mark.slow
def test_what_takes_too_much_is_unknown_and_the_next_file_is_read(reader: CiReader) -> None:
    found = reader.parse_ci(ENDLESS)
    assert isinstance(found, CiUnknown)
    assert "processor time" in found.reason or "memory" in found.reason
    assert isinstance(reader.parse_ci(GOOD), CiFacts)


@pytest.mark.slow
def test_the_childs_memory_stays_within_its_bound(reader: CiReader) -> None:
    reader.parse_ci(GOOD)
    for text in MEAN.values():
        assert isinstance(reader.parse_ci(text), CiUnknown)
        if reader.pid is not None:
            status = Path(f"/proc/{reader.pid}/status").read_text()
            peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
            assert peak << 10 <= MEMORY + (96 << 20)  # what it needs to start
    assert isinstance(reader.parse_ci(GOOD), CiFacts)


def test_what_is_too_large_never_reaches_the_child(reader: CiReader) -> None:
    reader.parse_ci(GOOD)
    pid = reader.pid
    for text in ("#" * (1 << 20) + "#", "é" * (1 << 20), "\ud800"):
        assert isinstance(reader.parse_ci(text), CiUnknown)
    assert reader.pid == pid


def test_closing_ends_the_child_and_a_later_file_starts_another() -> None:
    reader = CiReader()
    reader.parse_ci(GOOD)
    assert reader.pid is not None
    before = reader.pid
    reader.close()
    assert not alive(before)
    assert isinstance(reader.parse_ci(GOOD), CiFacts)
    reader.close()
    reader.close()


def test_the_child_knows_nothing_of_our_environment(reader: CiReader) -> None:
    reader.parse_ci(GOOD)
    environ = Path(f"/proc/{reader.pid}/environ").read_bytes()
    names = {entry.partition(b"=")[0] for entry in environ.split(b"\0") if entry}
    assert names <= {b"PATH", b"HOME", b"LANG", b"LC_CTYPE"}


@pytest.mark.slow
def test_the_shared_reader_ends_with_its_process() -> None:
    script = "from bot.adapters.ci import service; service.parse_ci('a: {script: [b]}'); print(service._shared.pid)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not alive(int(done.stdout))


def test_parse_ci_is_the_plain_way_in() -> None:
    assert parse_ci(GOOD) == read_ci(GOOD, merged=False)
    assert parse_ci(GOOD, merged=True) == read_ci(GOOD, merged=True)
