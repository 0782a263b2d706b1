"""Read one wheel or sdist whole, without unpacking it anywhere, and take its metadata.

Source: PEP 427 (wheel layout), PEP 625 and PEP 643 (sdist layout), core metadata specification.
"""

from __future__ import annotations

import re
from typing import IO

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from bot.adapters.index.limits import MIB
from bot.adapters.index.names import ArchiveError, show
from bot.adapters.index.tars import TarReader, unpack
from bot.adapters.index.zips import ZipReader
from bot.domain.distributions import DistributionKind, FileName, Metadata, parse_version

LONGEST_METADATA = MIB
_DIST_INFO = ".dist-info"
_RECORDS = ("METADATA", "RECORD", "WHEEL")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def inspect(file: IO[bytes], scratch: IO[bytes], said: FileName) -> Metadata:
    """The metadata of a distribution whose every byte was read and found honest.

    `said` is what its file name says; `scratch` is an empty file for an unpacked sdist. Raises: ArchiveError.
    """
    if said.kind is DistributionKind.WHEEL:
        return _parse(wheel_metadata(ZipReader(file), said))
    unpack(file, scratch)
    return _parse(sdist_metadata(TarReader(scratch), said))


def wheel_metadata(archive: ZipReader, said: FileName) -> bytes:
    """METADATA of a wheel whose every member was read. Raises: ArchiveError."""
    members = {member.name: member for member in archive.members}
    folders = {name.split("/")[0] for name in members if name.split("/")[0].endswith(_DIST_INFO) and "/" in name}
    if len(folders) != 1:
        raise ArchiveError(f"must hold one {_DIST_INFO} folder and holds {len(folders)}")
    (folder,) = folders
    if not _means(folder.removesuffix(_DIST_INFO), said):
        raise ArchiveError(f"holds {show(folder)}, which is not what its file name says")
    for record in _RECORDS:
        if f"{folder}/{record}" not in members:
            raise ArchiveError(f"lacks {record} in {show(folder)}")
    path = f"{folder}/METADATA"
    # twine takes the first of these in this order, whatever folder it is in: it must be the one that is judged.
    candidates = sorted((len(name.split("/")), name.split("/")) for name in members if "METADATA" in name)
    if candidates[0][1] != path.split("/"):
        raise ArchiveError(f"holds {show('/'.join(candidates[0][1]))}, which twine would read as its metadata")
    metadata = archive.read(members[path], most=LONGEST_METADATA)
    for member in archive.members:
        for _ in archive.chunks(member):
            pass  # reading is the check: sizes and sums are compared on the way
    return metadata


def sdist_metadata(archive: TarReader, said: FileName) -> bytes:
    """PKG-INFO of an sdist. Raises: ArchiveError."""
    tops = {name.split("/")[0] for name in archive.members}
    if len(tops) != 1:
        raise ArchiveError(f"must hold one top-level folder and holds {len(tops)}")
    (top,) = tops
    if not _means(top, said):
        raise ArchiveError(f"holds {show(top)}, which is not what its file name says")
    if f"{top}/PKG-INFO" not in archive.members:
        raise ArchiveError(f"lacks PKG-INFO in {show(top)}: it is no sdist")
    return archive.read(f"{top}/PKG-INFO", most=LONGEST_METADATA)


def _means(folder: str, said: FileName) -> bool:
    """Whether `NAME-VERSION` names the same project and version as the file name."""
    name, _, version = folder.rpartition("-")
    found = parse_version(version)
    return bool(name) and canonicalize_name(name) == said.name and found == said.version


def _parse(metadata: bytes) -> Metadata:
    try:
        raw, unparsed = parse_email(metadata)
    except (ValueError, LookupError, RecursionError) as error:
        raise ArchiveError(f"has unreadable metadata ({type(error).__name__})") from error
    doubtful = [field for field in ("name", "version", "metadata-version") if field in unparsed]
    name, version = raw.get("name"), raw.get("version")
    if doubtful or not name or not version or not raw.get("metadata_version"):
        missing = ", ".join(doubtful) or "name, version or metadata-version"
        raise ArchiveError(f"has metadata without exactly one {missing}")
    if parse_version(version) is None:
        raise ArchiveError(f"has the version {show(version)}, which PEP 440 does not know")
    if not _NAME.fullmatch(name):
        raise ArchiveError(f"has the name {show(name)}, which no index takes")
    return Metadata(name=name, version=version)
