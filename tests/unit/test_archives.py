"""Reading distributions: what no honest build makes is refused, whatever it is called; what builds make is read."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.index.inspection import inspect
from bot.adapters.index.names import ArchiveError, Names
from bot.adapters.index.zips import ZipReader
from bot.domain.distributions import FileName, Metadata, parse_filename
from tests.unit.archives_made import (
    METADATA,
    Entry,
    memory_bomb,
    sdist_of,
    tar_member,
    tar_of,
    wheel_of,
    zip_of,
)

WHEEL = "widget-1.0-py3-none-any.whl"
SDIST = "widget-1.0.tar.gz"
INFO = "widget-1.0.dist-info"


def said(filename: str) -> FileName:
    parsed = parse_filename(filename)
    assert parsed is not None
    return parsed


def read(filename: str, data: bytes) -> Metadata:
    return inspect(io.BytesIO(data), io.BytesIO(), said(filename))


HONEST: list[tuple[str, str, bytes]] = [
    ("wheel", WHEEL, wheel_of()),
    ("deflated", WHEEL, wheel_of(Entry(name="widget/a.py", data=b"x = 1\n" * 99, deflate=True))),
    ("descriptors", WHEEL, wheel_of(Entry(name="widget/a.py", data=b"x", descriptor=True), Entry(name="widget/b.py"))),
    ("folders", WHEEL, wheel_of(Entry(name="widget/", attributes=0o40755 << 16), Entry(name="widget/a.py"))),
    ("other name of one project", "Wid_Get-1.0-py3-none-any.whl", wheel_of(folder="wid.get-1.0.dist-info")),
    ("other spelling of one version", "widget-1.0.0-py3-none-any.whl", wheel_of(folder="widget-1.0.dist-info")),
    ("comment", WHEEL, wheel_of(comment=b"made by hand")),
    ("sdist", SDIST, sdist_of()),
    ("long names", SDIST, sdist_of(tar_member("widget-1.0/" + "a" * 200 + "/ü.py", b"x"))),
    ("gnu tar", SDIST, sdist_of(tar_member("widget-1.0/" + "a" * 200, b"x"), gnu=True)),
    ("folder", SDIST, sdist_of(tar_member("widget-1.0/src", type=tarfile.DIRTYPE))),
    ("padded", SDIST, sdist_of(end=b"\0" * 10240)),
]


@pytest.mark.parametrize(("filename", "data"), [row[1:] for row in HONEST], ids=[row[0] for row in HONEST])
def test_an_honest_distribution_is_read(filename: str, data: bytes) -> None:
    assert read(filename, data) == Metadata(name="widget", version="1.0")


def with_zip64_end(data: bytes) -> bytes:
    """The same zip with its end told in 64 bits."""
    at = data.rindex(b"PK\x05\x06")
    _, _, _, _, count, length, start, _ = struct.unpack_from("<4s4H2LH", data, at)
    big = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:at] + big + locator + end


def test_a_zip_with_a_64_bit_end_is_read() -> None:
    assert read(WHEEL, with_zip64_end(wheel_of())).version == "1.0"


def named(name: str | bytes, **more: int) -> bytes:
    return wheel_of(Entry(name=name, **more))  # type: ignore[arg-type]  # the fields given are numbers


def many(count: int) -> bytes:
    return zip_of(*(Entry(name=f"widget/{number}.py") for number in range(count)))


ZEROS = memory_bomb(96 << 20)
HOSTILE_WHEELS: list[tuple[str, Callable[[], bytes], str]] = [
    ("parent folder", lambda: named("widget/../../evil.py"), "leads out of its place"),
    ("only dots", lambda: named(".."), "leads out of its place"),
    ("this folder", lambda: named("./widget/a.py"), "leads out of its place"),
    ("empty part", lambda: named("widget//a.py"), "leads out of its place"),
    ("absolute", lambda: named("/etc/passwd"), "absolute or not portable"),
    ("drive", lambda: named("C:/evil.py"), "absolute or not portable"),
    ("backslash", lambda: named("widget\\..\\evil.py"), "absolute or not portable"),
    ("NUL", lambda: named(b"widget/a.py\0.txt"), "NUL"),
    ("escape", lambda: named("widget/\x1b[31m.py"), "control characters"),
    ("line end", lambda: named("widget/a\n.py"), "control characters"),
    ("no name", lambda: named(""), "without a name"),
    ("long name", lambda: named("w" * 2000), "too long"),
    ("symbolic link", lambda: named("widget/a.py", attributes=0o120777 << 16), "link or device"),
    ("device", lambda: named("widget/a.py", attributes=0o020666 << 16), "link or device"),
    ("fifo", lambda: named("widget/a.py", attributes=0o010666 << 16), "link or device"),
    ("folder without slash", lambda: named("widget/a", attributes=0o040755 << 16), "link or device"),
    ("duplicate", lambda: wheel_of(Entry(name="w/a.py"), Entry(name="w/a.py", data=b"2")), "twice"),
    ("two METADATA", lambda: wheel_of(Entry(name=f"{INFO}/METADATA", data=METADATA)), "twice"),
    ("letter case", lambda: wheel_of(Entry(name="w/a.py"), Entry(name="w/A.py")), "letter case"),
    ("letter case of folders", lambda: wheel_of(Entry(name="w/a"), Entry(name="W/A/b")), "below a file"),
    ("unicode forms", lambda: wheel_of(Entry(name="w/\u00e9"), Entry(name="w/e\u0301")), "letter case"),
    ("file and folder", lambda: wheel_of(Entry(name="w/a"), Entry(name="w/a/b.py")), "below a file"),
    ("folder with content", lambda: named("widget/", size=3, attributes=0o40755 << 16), "with content"),
    ("encrypted", lambda: named("w/a.py", flags=1), "encrypted"),
    ("other compression", lambda: named("w/a.py", method=14), "unusual way"),
    ("unknown compression", lambda: named("w/a.py", method=77), "unusual way"),
    ("other local name", lambda: wheel_of(Entry(name="w/a.py", local_name=b"w/b.py")), "different things"),
    ("other local size", lambda: wheel_of(Entry(name="w/a.py", data=b"1", local_size=9)), "different things"),
    ("more bytes than said", lambda: wheel_of(Entry(name="w/a", data=b"12345", size=2, deflate=True)), "lies about"),
    ("fewer bytes than said", lambda: wheel_of(Entry(name="w/a", data=b"12345", size=9, deflate=True)), "lies about"),
    (
        "more bytes, sum of the first",
        lambda: wheel_of(Entry(name="w/a", data=b"12345", size=2, crc=zlib.crc32(b"12"), deflate=True)),
        "lies about",
    ),
    ("wrong sum", lambda: wheel_of(Entry(name="w/a", data=b"12345", crc=7)), "lies about"),
    (
        "bytes behind the deflated end",
        lambda: wheel_of(Entry(name="w/a", data=b"1", packed=zlib.compress(b"1", wbits=-15) + b"hidden")),
        "lies about",
    ),
    (
        "bytes behind the deflated end, method right",
        lambda: wheel_of(Entry(name="w/a", data=b"1", method=8, packed=zlib.compress(b"1", wbits=-15) + b"hidden")),
        "lies about",
    ),
    ("broken deflate", lambda: wheel_of(Entry(name="w/a", data=b"12345", method=8)), "lies about"),
    ("bytes after the end", lambda: wheel_of(suffix=b"more"), "after its end"),
    ("zip after zip", lambda: wheel_of() + wheel_of(), "before its start"),
    ("bytes before the start", lambda: wheel_of(prefix=b"#!/bin/sh\n"), "hidden bytes"),
    ("bytes before the start, shifted", lambda: wheel_of(prefix=b"#!/bin/sh\n", shift=10), "before its start"),
    ("hidden between", lambda: wheel_of(Entry(name="w/a", before=b"h" * 99)), "hidden bytes"),
    ("overlapping", lambda: wheel_of(Entry(name=f"{INFO}/metadata2", offset=0)), "hidden bytes"),
    ("offset outside", lambda: wheel_of(Entry(name="w/a", offset=1 << 30)), "hidden bytes"),
    ("comment with an end", lambda: wheel_of(comment=b"PK\x05\x06" + b"\0" * 18), "before its start"),
    ("cut short", lambda: wheel_of()[:-5], "cut short"),
    ("half", lambda: wheel_of()[:100], "not a zip"),
    ("empty", lambda: b"", "not a zip"),
    ("a tar", sdist_of, "not a zip"),
    ("count lies", lambda: wheel_of(count=30_000), "more than 20,000"),
    ("20,001 members", lambda: many(20_001), "more than 20,000"),
    ("3 GiB said", lambda: wheel_of(Entry(name="w/a", size=3 << 30)), "2,048 MiB"),
    (
        "bomb",
        lambda: wheel_of(Entry(name="w/a", packed=ZEROS, method=8, size=96 << 20)),
        "50 times its size",
    ),
    (
        "bomb that lies",
        lambda: wheel_of(Entry(name="w/a", packed=ZEROS, method=8, size=5)),
        "lies about",
    ),
    ("no metadata", lambda: zip_of(Entry(name="widget/a.py")), "one .dist-info"),
    ("two dist-infos", lambda: wheel_of(Entry(name="other-2.dist-info/METADATA")), "one .dist-info"),
    ("other dist-info", lambda: wheel_of(folder="gadget-1.0.dist-info"), "not what its file name says"),
    ("other version", lambda: wheel_of(folder="widget-2.0.dist-info"), "not what its file name says"),
    ("no METADATA", lambda: zip_of(Entry(name=f"{INFO}/WHEEL"), Entry(name=f"{INFO}/RECORD")), "lacks METADATA"),
    ("no RECORD", lambda: zip_of(Entry(name=f"{INFO}/WHEEL"), Entry(name=f"{INFO}/METADATA")), "lacks RECORD"),
    ("twine reads another", lambda: named("METADATA"), "twine would read"),
    ("twine reads a neighbour", lambda: named("a/METADATA.txt"), "twine would read"),
    ("huge METADATA", lambda: wheel_of(metadata=METADATA + b"x" * (1 << 20)), "more than 1,048,576"),
    ("two names", lambda: wheel_of(metadata=b"Name: gadget\n" + METADATA), "exactly one"),
    ("no version", lambda: wheel_of(metadata=b"Metadata-Version: 2.1\nName: widget\n\n"), "exactly one"),
    ("bad version", lambda: wheel_of(metadata=METADATA.replace(b"1.0\n\n", b"one\n\n")), "PEP 440"),
    ("bad name", lambda: wheel_of(metadata=METADATA.replace(b"Name: widget", b"Name: ../widget")), "no index takes"),
]


@pytest.mark.parametrize(("make", "words"), [row[1:] for row in HOSTILE_WHEELS], ids=[row[0] for row in HOSTILE_WHEELS])
def test_a_hostile_wheel_is_refused_with_the_reason(make: Callable[[], bytes], words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        read(WHEEL, make())


def gz(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def giant_header() -> bytes:
    """An extended header that says it is 1 GiB long."""
    info, _ = tar_member("widget-1.0/x", type=tarfile.XHDTYPE)
    info.size = 1 << 30
    return gz(info.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 2048)


def pax(**headers: str) -> tuple[tarfile.TarInfo, bytes]:
    return tar_member("widget-1.0/a.py", b"x" * 600, pax_headers=headers)


def pax_sparse() -> bytes:
    return sdist_of(pax(**{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}))


def broken_in_the_middle() -> bytes:
    raw = tar_of(tar_member("widget-1.0/PKG-INFO", METADATA), end=b"")
    return gz(raw + b"garbage".ljust(512, b"x") + tar_of(tar_member("widget-1.0/evil.py")))


HOSTILE_SDISTS: list[tuple[str, Callable[[], bytes], str]] = [
    ("parent folder", lambda: sdist_of(tar_member("widget-1.0/../../evil")), "leads out of its place"),
    ("absolute", lambda: sdist_of(tar_member("/etc/passwd")), "absolute"),
    ("symbolic link", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.SYMTYPE, linkname="/etc")), "a link"),
    ("hard link", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.LNKTYPE, linkname="b")), "a link"),
    ("device", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.CHRTYPE)), "a device"),
    ("fifo", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.FIFOTYPE)), "a device"),
    ("contiguous", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.CONTTYPE)), "no file"),
    ("sparse", lambda: sdist_of(tar_member("widget-1.0/a", type=tarfile.GNUTYPE_SPARSE)), "no file"),
    ("unknown kind", lambda: sdist_of(tar_member("widget-1.0/a", type=b"Q")), "no file"),
    ("duplicate", lambda: sdist_of(tar_member("widget-1.0/PKG-INFO", METADATA)), "twice"),
    ("letter case", lambda: sdist_of(tar_member("widget-1.0/pkg-info")), "letter case"),
    ("control characters", lambda: sdist_of(tar_member("widget-1.0/a\x1bb")), "control characters"),
    ("not unicode", lambda: sdist_of(tar_member("widget-1.0/\udcff")), "control characters|cannot be read"),
    ("pax size", lambda: sdist_of(pax(size="0")), "two sizes|disagree|twice|broken|cannot be read"),
    (
        "pax sparse",
        lambda: sdist_of(pax(**{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})),
        "two sizes|cannot|no file",
    ),
    ("pax path", lambda: sdist_of(pax(path="/etc/passwd")), "absolute"),
    ("giant header", giant_header, "extended header"),
    ("size lies", lambda: sdist_of(tar_member("widget-1.0/a", b"1", size=1 << 20)), "cut short"),
    ("broken in the middle", broken_in_the_middle, "broken header"),
    ("no end", lambda: sdist_of(end=b""), "cut short"),
    ("bytes after the tar", lambda: sdist_of(end=b"\0" * 1024 + b"more" * 128), "after its end"),
    ("bytes after the gzip", lambda: sdist_of() + b"more", "after its end"),
    ("gzip after gzip", lambda: sdist_of() + sdist_of(), "after its end"),
    ("cut gzip", lambda: sdist_of()[:-9], "cut short"),
    ("wrong gzip sum", lambda: sdist_of()[:-8] + b"\0" * 8, "gzip"),
    ("no gzip", lambda: tar_of(tar_member("widget-1.0/PKG-INFO", METADATA)), "gzip"),
    ("empty", lambda: b"", "gzip"),
    ("bomb", lambda: gz(b"\0" * (80 << 20)), "64 MiB"),
    ("20,001 members", lambda: sdist_of(*(tar_member(f"widget-1.0/{n}") for n in range(20_001))), "20,000"),
    ("two tops", lambda: sdist_of(tar_member("other/a.py")), "one top-level folder"),
    ("file at the top", lambda: sdist_of(tar_member("a.py")), "one top-level folder"),
    ("nothing", lambda: gz(tar_of()), "one top-level folder"),
    ("other top", lambda: gz(tar_of(tar_member("gadget-1.0/PKG-INFO", METADATA))), "not what its file name says"),
    ("no PKG-INFO", lambda: gz(tar_of(tar_member("widget-1.0/setup.py"))), "lacks PKG-INFO"),
    (
        "huge PKG-INFO",
        lambda: gz(tar_of(tar_member("widget-1.0/PKG-INFO", METADATA + b"x" * (1 << 20)))),
        "more than 1,048,576",
    ),
]


@pytest.mark.parametrize(("make", "words"), [row[1:] for row in HOSTILE_SDISTS], ids=[row[0] for row in HOSTILE_SDISTS])
def test_a_hostile_sdist_is_refused_with_the_reason(make: Callable[[], bytes], words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        read(SDIST, make())


@given(st.data())
def test_a_damaged_wheel_or_sdist_is_read_as_it_was_or_refused_but_never_breaks_the_reader(data: st.DataObject) -> None:
    filename, honest = data.draw(st.sampled_from([(WHEEL, wheel_of()), (SDIST, sdist_of())]))
    damaged = bytearray(honest)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read(filename, bytes(damaged)) == Metadata(name="widget", version="1.0")
    except ArchiveError as error:
        assert str(error)


def test_members_of_a_zip_are_given_with_their_bytes() -> None:
    reader = ZipReader(io.BytesIO(zip_of(Entry(name="a/b", data=b"one", deflate=True), Entry(name="c", data=b"two"))))
    assert {member.name: b"".join(reader.chunks(member)) for member in reader.members} == {"a/b": b"one", "c": b"two"}


def test_a_folder_may_come_again_and_after_its_files() -> None:
    names = Names()
    for name, folder in [("a/b", False), ("a/", True), ("a", True), ("a/c", False)]:
        names.add(name, folder=folder)
