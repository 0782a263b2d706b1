"""Archives written byte by byte, so that they can lie."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

METADATA = b"Metadata-Version: 2.1\nName: widget\nVersion: 1.0\n\nA widget.\n"
FILE = 0o100644 << 16


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One zip member. What is None is told truthfully."""

    name: bytes | str
    data: bytes = b""
    local_name: bytes | None = None
    local_size: int | None = None
    size: int | None = None
    crc: int | None = None
    deflate: bool = False
    method: int | None = None
    flags: int = 0
    attributes: int = FILE
    before: bytes = b""
    offset: int | None = None
    packed: bytes | None = None
    descriptor: bool = False


def zip_of(*entries: Entry, prefix: bytes = b"", suffix: bytes = b"", comment: bytes = b"", **end: int) -> bytes:
    """A zip file of these entries; `end` overrides fields of its end record."""
    out = bytearray(prefix)
    directory = bytearray()
    for entry in entries:
        out += entry.before
        offset = len(out)
        name = entry.name.encode() if isinstance(entry.name, str) else entry.name
        packed = entry.packed
        if packed is None:
            packed = _deflate(entry.data) if entry.deflate else entry.data
        method = (8 if entry.deflate else 0) if entry.method is None else entry.method
        size = len(entry.data) if entry.size is None else entry.size
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        flags = entry.flags | 0x800 | (8 if entry.descriptor else 0)
        local = name if entry.local_name is None else entry.local_name
        local_size = size if entry.local_size is None else entry.local_size
        said = (0, 0, 0) if entry.descriptor else (crc, len(packed), local_size)
        out += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, flags, method, 0, 0x21, *said, len(local), 0) + local
        out += packed
        if entry.descriptor:
            out += struct.pack("<4s3L", b"PK\x07\x08", crc, len(packed), size)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 0x314, 20, flags, method, 0, 0x21, crc, len(packed), size,
            len(name), 0, 0, 0, 0, entry.attributes, offset if entry.offset is None else entry.offset,
        ) + name  # fmt: skip
    start = len(out) - end.get("shift", 0)
    count = end.get("count", len(entries))
    out += directory
    out += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, len(comment)) + comment
    return bytes(out + suffix)


def wheel_of(*more: Entry, metadata: bytes = METADATA, folder: str = "widget-1.0.dist-info", **end: Any) -> bytes:
    """A wheel of `widget` 1.0 with more members, or with other ones."""
    own = {f"{folder}/METADATA": metadata, f"{folder}/WHEEL": b"Wheel-Version: 1.0\n", f"{folder}/RECORD": b""}
    return zip_of(*(Entry(name=name, data=data) for name, data in own.items()), *more, **end)


def tar_member(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """One tar member; `fields` override those of its header."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar_of(*members: tuple[tarfile.TarInfo, bytes], end: bytes = b"\0" * 1024, gnu: bool = False) -> bytes:
    """A raw tar file."""
    out = bytearray()
    for info, data in members:
        out += (
            info.tobuf(tarfile.GNU_FORMAT if gnu else tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            + data
            + b"\0" * (-len(data) % 512)
        )
    return bytes(out + end)


@dataclass(frozen=True)
class Sdist:
    """The members every sdist of `widget` 1.0 has."""

    members: Sequence[tuple[tarfile.TarInfo, bytes]] = field(
        default_factory=lambda: [tar_member("widget-1.0/PKG-INFO", METADATA), tar_member("widget-1.0/setup.py", b"")]
    )


def sdist_of(*more: tuple[tarfile.TarInfo, bytes], **how: Any) -> bytes:
    """An sdist of `widget` 1.0 with more members."""
    return gzip.compress(tar_of(*Sdist().members, *more, **how), 1, mtime=0)


def memory_bomb(size: int) -> bytes:
    """`size` zeros, deflated."""
    return _deflate_zeros(size)


def _deflate(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


def _deflate_zeros(size: int) -> bytes:
    deflate = zlib.compressobj(9, wbits=-15)
    out = io.BytesIO()
    chunk = b"\0" * (1 << 20)
    for _ in range(size >> 20):
        out.write(deflate.compress(chunk))
    out.write(deflate.flush())
    return out.getvalue()
