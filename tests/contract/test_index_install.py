"""The install check: pip takes what stands on a real index, or says why not; nothing of it runs and nothing stays."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from bot.adapters.index.installer import own_tags
from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import IndexFile
from bot.domain.releases import AttemptOutcome
from bot.ports.index import Sent
from tests.contract.index_parts import PASSWORD, Scripted, pypiserver, says, simple_spec
from tests.stories import made

NAME, VERSION = "widget", "1.0"
TAKEN = Sent(outcome=AttemptOutcome.ACCEPTED, again=False)


def leftovers(folder: Path) -> list[Path]:
    """What lies where files are looked at."""
    return list((folder / "state" / "files" / "incoming").iterdir())


def from_index(adapter: IndexAdapter, folder: Path, filename: str, data: bytes, version: str = VERSION) -> Sent:
    """Put the file on a real index that wants a password, and install it from there."""
    packages = folder / "packages"
    packages.mkdir()
    (packages / filename).write_bytes(data)
    with pypiserver(packages) as root:
        place = adapter.place(simple_spec(root), 1, NAME)
        (file,) = adapter.files(place, NAME)
        return adapter.installer.install(place, file, NAME, version)


def rewritten(data: bytes, member: str, text: str) -> bytes:
    """The same wheel with another text in one member, or with one member more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in [*old.namelist(), *([] if member in old.namelist() else [member])]:
            new.writestr(zipfile.ZipInfo(name), text if name == member else old.read(name))
    return out.getvalue()


@pytest.mark.slow
def test_an_honest_wheel_installs_and_nothing_stays_behind(adapter: IndexAdapter, tmp_path: Path) -> None:
    filename, data = made.wheel(NAME, VERSION)
    assert from_index(adapter, tmp_path, filename, data) == TAKEN
    assert leftovers(tmp_path) == []


@pytest.mark.slow
def test_a_version_that_its_metadata_writes_in_another_form_is_the_same_version(
    adapter: IndexAdapter, tmp_path: Path
) -> None:
    filename, data = made.wheel(NAME, VERSION)
    text = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0.0\n"
    odd = rewritten(data, f"{NAME}-{VERSION}.dist-info/METADATA", text)
    assert from_index(adapter, tmp_path, filename, odd, version="1.0.0") == TAKEN


@pytest.mark.slow
def test_a_wheel_that_pip_does_not_take_is_refused_in_pips_words(adapter: IndexAdapter, tmp_path: Path) -> None:
    filename, data = made.wheel(NAME, VERSION)
    future = rewritten(data, f"{NAME}-{VERSION}.dist-info/WHEEL", "Wheel-Version: 9.0\nTag: py3-none-any\n")
    sent = from_index(adapter, tmp_path, filename, future)
    assert (sent.outcome, sent.again) == (AttemptOutcome.REFUSED, False)
    assert sent.reason.startswith("pip cannot install it: ")
    assert "9.0" in sent.reason
    assert PASSWORD not in sent.reason
    assert leftovers(tmp_path) == []


@pytest.mark.slow
def test_what_a_wheel_brings_never_runs(adapter: IndexAdapter, tmp_path: Path) -> None:
    """A `.pth` runs code at every start of a Python in its environment: none is started there."""
    trap = tmp_path / "trap"
    filename, data = made.wheel(NAME, VERSION)
    armed = rewritten(data, "trap.pth", f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n")
    assert from_index(adapter, tmp_path, filename, armed) == TAKEN
    assert not trap.exists()


def test_bytes_that_are_not_what_the_index_lists_are_not_installed(adapter: IndexAdapter, tmp_path: Path) -> None:
    filename, data = made.wheel(NAME, VERSION)
    with Scripted(says("200 OK", b"other bytes")).running() as server:
        place = adapter.place(simple_spec(server.url), 1, NAME)
        listed = IndexFile(
            filename=filename, sha256=hashlib.sha256(data).hexdigest(), url=f"{server.url}/files/{filename}"
        )
        sent = adapter.installer.install(place, listed, NAME, VERSION)
    reason = "its bytes are not what the index lists"
    assert sent == Sent(outcome=AttemptOutcome.REFUSED, reason=reason, again=False)
    assert leftovers(tmp_path) == []


def test_a_download_that_breaks_may_be_tried_again(adapter: IndexAdapter) -> None:
    filename, data = made.wheel(NAME, VERSION)
    with Scripted(says("503 Busy")).running() as server:
        place = adapter.place(simple_spec(server.url), 1, NAME)
        listed = IndexFile(filename=filename, sha256=hashlib.sha256(data).hexdigest(), url=f"{server.url}/{filename}")
        sent = adapter.installer.install(place, listed, NAME, VERSION)
    assert sent == Sent(outcome=AttemptOutcome.UNCLEAR, reason="its download answers 503 Busy", again=True)


def test_this_python_takes_wheels_of_any_platform_and_not_of_others() -> None:
    assert "py3-none-any" in own_tags()
    assert "cp311-cp311-win_amd64" not in own_tags()
