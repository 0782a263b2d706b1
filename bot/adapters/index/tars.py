"""Read `.tar.gz` files as an adversary's: unpack within bounds, walk every header, then let `tarfile` name the members.

The walk bounds what `tarfile` would read into memory (extended headers) and refuses what it would pass over in silence
(a broken header in the middle, bytes after the end). Nothing is ever extracted.
"""

from __future__ import annotations

import tarfile
import zlib
from typing import IO

from bot.adapters.index.limits import MIB
from bot.adapters.index.names import ArchiveError, Names, show
from bot.adapters.index.zips import FREE_BYTES, MOST_BYTES, MOST_MEMBERS, MOST_RATIO

_BLOCK = tarfile.BLOCKSIZE
_EXTENDED = (b"x", b"g", b"L", b"K", b"X")
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
_LARGEST_HEADER = MIB
_CHUNK = 1 << 16


def unpack(packed: IO[bytes], unpacked: IO[bytes]) -> None:
    """Inflate one gzip stream into `unpacked`, which is bounded. Raises: ArchiveError."""
    size = packed.seek(0, 2)
    packed.seek(0)
    most = min(max(FREE_BYTES, MOST_RATIO * size), MOST_BYTES)
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    written = 0
    try:
        while chunk := packed.read(_CHUNK):
            while chunk and not inflate.eof:
                piece = inflate.decompress(chunk, _CHUNK)
                written += len(piece)
                if written > most:
                    raise ArchiveError(f"unpacks to more than {most // MIB:,} MiB")
                unpacked.write(piece)
                chunk = inflate.unconsumed_tail
            if inflate.eof and (inflate.unused_data or chunk or packed.read(1)):
                raise ArchiveError("has bytes after its end")
    except zlib.error as error:
        raise ArchiveError(f"cannot be read as a gzip file ({error})") from error
    if not inflate.eof:
        raise ArchiveError("is not a gzip file, or was cut short")


class TarReader:
    """The checked members of one unpacked tar file.

    `comment` is what its global header says (git writes the commit there), `times` when its members were changed.
    """

    def __init__(self, file: IO[bytes], *, links: bool = False) -> None:
        """Walk and check; symbolic links are refused unless `links`. Raises: ArchiveError."""
        walked = _walk(file, links=links)
        names = Names()
        file.seek(0)
        self._file = file
        self.members: dict[str, tuple[int, int]] = {}
        self.folders: set[str] = set()
        self.links: dict[str, str] = {}
        self.times: set[int] = set()
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for info in archive:
                    walked -= 1
                    _check_member(info, links=links)
                    names.add(info.name, folder=info.isdir())
                    self.times.add(int(info.mtime))
                    if info.isfile():
                        self.members[info.name] = (info.offset_data, info.size)
                    elif info.issym():
                        self.links[info.name] = info.linkname
                    else:
                        self.folders.add(info.name)
                self.comment = archive.pax_headers.get("comment", "")
        except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
            raise ArchiveError(f"cannot be read as a tar file ({error})") from error
        if walked:
            raise ArchiveError("holds members that readers disagree about")

    def read(self, name: str, *, most: int) -> bytes:
        """A small member whole. Raises: ArchiveError, if it holds more than `most` bytes."""
        offset, size = self.members[name]
        if size > most:
            raise ArchiveError(f"holds {show(name)} of more than {most:,} bytes")
        self._file.seek(offset)
        return self._file.read(size)


def _walk(file: IO[bytes], *, links: bool) -> int:
    """Count the members by their raw headers, to the last byte of the file."""
    end = file.seek(0, 2)
    at = members = headers = 0
    while True:
        file.seek(at)
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            raise ArchiveError("was cut short")
        if not block.strip(b"\0"):
            break
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ArchiveError(f"has a broken header ({error})") from error
        headers += 1
        if headers > 3 * MOST_MEMBERS:
            raise ArchiveError(f"holds more than {MOST_MEMBERS:,} members")
        if info.type in _EXTENDED:
            if info.size > _LARGEST_HEADER:
                raise ArchiveError(f"has an extended header of more than {_LARGEST_HEADER:,} bytes")
        elif info.type not in _PLAIN and not (links and info.type == tarfile.SYMTYPE):
            raise ArchiveError(f"holds {show(info.name)}, a link, a device or something else that is no file")
        else:
            members += 1
            if info.type in (tarfile.DIRTYPE, tarfile.SYMTYPE) and info.size:
                raise ArchiveError(f"holds a folder or link {show(info.name)} with content")
        if info.size < 0:
            raise ArchiveError(f"lies about the size of {show(info.name)}")
        at += _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        if at > end:
            raise ArchiveError("was cut short, or lies about a size")
    if members > MOST_MEMBERS:
        raise ArchiveError(f"holds more than {MOST_MEMBERS:,} members")
    file.seek(at)
    while rest := file.read(_CHUNK):
        if rest.strip(b"\0"):
            raise ArchiveError("has bytes after its end")
    return members


def _check_member(info: tarfile.TarInfo, *, links: bool) -> None:
    if not (info.isreg() or info.isdir() or (links and info.issym())) or info.sparse is not None:
        raise ArchiveError(f"holds {show(info.name)}, a link, a device or something else that is no file")
    if any(key == "size" or key.startswith("GNU.sparse") for key in info.pax_headers):
        raise ArchiveError(f"gives {show(info.name)} two sizes")
