"""Read zip files as an adversary's: the layout must leave no byte unexplained, and every member read is verified.

`zipfile` parses the central directory; what it does not compare (local headers, gaps, what a member really inflates
to) is done here. Source: APPNOTE.TXT 4.3; nothing beyond "stored" and "deflated" is in a wheel or GitLab's archive.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from bot.adapters.index.limits import MIB
from bot.adapters.index.names import ArchiveError, Names, show

MOST_MEMBERS = 20_000
MOST_BYTES = 2048 * MIB  # packed or unpacked
FREE_BYTES = 64 * MIB  # below this no ratio is suspicious
MOST_RATIO = 50
_LARGEST_DIRECTORY = MOST_MEMBERS * 512  # bytes of central directory
_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_LARGEST_GAP = 24  # a data descriptor with signature and 64-bit sizes
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One regular file in a zip: where its packed bytes stand and what they must become."""

    name: str
    start: int
    packed: int
    size: int
    crc: int
    deflated: bool


class ZipReader:
    """The checked members of one zip file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read and check the layout. Raises: ArchiveError."""
        self._file = file
        directory = _directory_start(file)
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
            raise ArchiveError(f"cannot be read as a zip file ({error})") from error
        if len(infos) > MOST_MEMBERS:
            raise ArchiveError(f"holds more than {MOST_MEMBERS:,} members")
        check_sizes(unpacked=sum(info.file_size for info in infos), packed=directory)
        names = Names()
        for info in infos:
            _check_member(info)
            names.add(info.filename, folder=info.filename.endswith("/"))
        self.members: tuple[Member, ...] = tuple(self._members(infos, directory))

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's bytes in pieces. Raises: ArchiveError, at the end at the latest, if they are not what was said."""
        self._file.seek(member.start)
        left, size, crc = member.packed, 0, 0
        inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.deflated else None
        lie = ArchiveError(f"lies about the size or bytes of {show(member.name)}")
        while left:
            packed = self._file.read(min(left, _CHUNK))
            if not packed:
                raise lie
            left -= len(packed)
            for piece in _inflated(inflate, packed, lie) if inflate else (packed,):
                size += len(piece)
                crc = zlib.crc32(piece, crc)
                if size > member.size:
                    raise lie
                yield piece
        if size != member.size or crc != member.crc or (inflate and (not inflate.eof or inflate.unused_data)):
            raise lie

    def read(self, member: Member, *, most: int) -> bytes:
        """A small member whole. Raises: ArchiveError, if it holds more than `most` bytes."""
        if member.size > most:
            raise ArchiveError(f"holds {show(member.name)} of more than {most:,} bytes")
        return b"".join(self.chunks(member))

    def _members(self, infos: list[zipfile.ZipInfo], directory: int) -> Iterator[Member]:
        """Walk the local headers in file order: each must say the same, and follow the one before it."""
        expected = 0
        for info in sorted(infos, key=lambda one: one.header_offset):
            gap = info.header_offset - expected
            if not 0 <= gap <= (_LARGEST_GAP if expected else 0):
                raise ArchiveError(f"holds overlapping members or hidden bytes before {show(info.filename)}")
            start = self._local(info)
            expected = start + info.compress_size
            if info.filename.endswith("/"):
                if info.file_size:
                    raise ArchiveError(f"holds a folder {show(info.filename)} with content")
                continue
            yield Member(
                name=info.filename,
                start=start,
                packed=info.compress_size,
                size=info.file_size,
                crc=info.CRC,
                deflated=info.compress_type == zipfile.ZIP_DEFLATED,
            )
        if not 0 <= directory - expected <= (_LARGEST_GAP if expected else 0):
            raise ArchiveError("holds overlapping members or hidden bytes")

    def _local(self, info: zipfile.ZipInfo) -> int:
        """Compare a local header with the directory; gives where the member's bytes start."""
        lie = ArchiveError(f"says different things about {show(info.filename)}")
        self._file.seek(info.header_offset)
        raw = self._file.read(_LOCAL.size)
        if len(raw) != _LOCAL.size:
            raise lie
        magic, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(raw)
        name = self._file.read(name_length)
        if magic != b"PK\x03\x04" or method != info.compress_type or flags & _ENCRYPTED:
            raise lie
        if name.decode("utf-8" if flags & 0x800 else "cp437", errors="replace") != info.orig_filename:
            raise lie
        # With a data descriptor the sizes follow the bytes; with 64-bit sizes they are in the extra field.
        said, known = (crc, packed, size), (info.CRC, info.compress_size, info.file_size)
        if not flags & _DESCRIPTOR and 0xFFFFFFFF not in (packed, size) and said != known:
            raise lie
        return info.header_offset + _LOCAL.size + int(name_length) + int(extra_length)


def check_sizes(*, unpacked: int, packed: int) -> None:
    """Refuse what unpacks to too much, absolutely or beyond `FREE_BYTES` by ratio. Raises: ArchiveError."""
    if max(unpacked, packed) > MOST_BYTES:
        raise ArchiveError(f"holds more than {MOST_BYTES // MIB:,} MiB")
    if unpacked > FREE_BYTES and unpacked > MOST_RATIO * packed:
        raise ArchiveError(f"unpacks to more than {MOST_RATIO} times its size")


def _check_member(info: zipfile.ZipInfo) -> None:
    if "\0" in info.orig_filename or info.orig_filename != info.filename:
        raise ArchiveError(f"holds {show(info.orig_filename)}, a name with a NUL character")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"holds {show(info.filename)} encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"packs {show(info.filename)} in an unusual way")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > info.filename.endswith("/"):
        raise ArchiveError(f"holds {show(info.filename)}, a link or device")


def _directory_start(file: IO[bytes]) -> int:
    """Where the central directory starts; it and the end record must fill the file to its last byte."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise ArchiveError(f"is larger than {MOST_BYTES // MIB:,} MiB")
    file.seek(max(size - _EOCD.size - 0xFFFF, 0))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _EOCD.size:
        raise ArchiveError("is not a zip file, or was cut short")
    count: int
    length: int
    start: int
    _, disk, first, _, count, length, start, comment = _EOCD.unpack_from(tail, at)
    end = size - len(tail) + at
    if at + _EOCD.size + comment != len(tail) or disk or first:
        raise ArchiveError("has bytes after its end, or parts elsewhere")
    if count == 0xFFFF or 0xFFFFFFFF in (length, start):
        file.seek(max(end - _LOCATOR64.size, 0))
        raw = file.read(_LOCATOR64.size)
        if raw[:4] == b"PK\x06\x07":
            offset = _LOCATOR64.unpack(raw)[2]
            file.seek(min(offset, size))
            raw = file.read(_EOCD64.size)
            if len(raw) != _EOCD64.size or raw[:4] != b"PK\x06\x06" or offset != end - _LOCATOR64.size - _EOCD64.size:
                raise ArchiveError("has a broken end record")
            count, length, start = _EOCD64.unpack(raw)[7:]
            end = offset
    if length > _LARGEST_DIRECTORY or count > MOST_MEMBERS:
        raise ArchiveError(f"holds more than {MOST_MEMBERS:,} members")
    if start + length != end:
        raise ArchiveError("has bytes before its start or after its members")
    return start


def _inflated(inflate: zlib._Decompress, packed: bytes, lie: ArchiveError) -> Iterator[bytes]:
    try:
        while packed and not inflate.eof:
            yield inflate.decompress(packed, _CHUNK)
            packed = inflate.unconsumed_tail
    except zlib.error as error:
        raise lie from error
    if inflate.eof and packed:
        raise lie
