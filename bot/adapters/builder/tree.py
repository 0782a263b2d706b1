"""The archive of a commit as GitLab gives it: read as an adversary's, and refused before anything of it is built.

Source: git-archive(1): the commit's id stands in the global header, the time of the commit on every member.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bot.adapters.index.limits import MIB
from bot.adapters.index.names import ArchiveError, show
from bot.adapters.index.tars import TarReader, unpack

MOST_HOPS = 40  # links on the way to one file; the kernel gives up there too


def read_tree(archive: Path, plain: IO[bytes], *, sha: str, most: int) -> int:
    """Unpack the archive into `plain`, an empty file, and check every member; returns the commit's time (epoch).

    The tree may take `most` bytes. Raises: ArchiveError, for an archive of another commit too.
    """
    with archive.open("rb") as packed:
        unpack(packed, plain)
    if plain.tell() > most:
        raise ArchiveError(f"holds {plain.tell() // MIB:,} MiB, and build.disk allows {most // MIB:,} MiB")
    reader = TarReader(plain, links=True)
    if reader.comment != sha:
        said = show(reader.comment) if reader.comment else "none"
        raise ArchiveError(f"is not of the released commit: it names {said}")
    tops = {name.split("/")[0] for name in (*reader.members, *reader.links, *reader.folders)}
    if len(tops) != 1 or tops & (reader.members.keys() | reader.links.keys()):
        raise ArchiveError(f"must hold one top-level folder and holds {len(tops)}")
    (top,) = tops
    check_links({name.removeprefix(f"{top}/"): target for name, target in reader.links.items()})
    return max(reader.times)


def check_links(links: Mapping[str, str]) -> None:
    """Make sure that no link, followed as the kernel would, leads out of the tree. Raises: ArchiveError."""
    for name in links:
        if not _stays(name, links):
            raise ArchiveError(f"holds {show(name)}, a link to {show(links[name])}, which leads out of the tree")


def _stays(name: str, links: Mapping[str, str]) -> bool:
    here: list[str] = []
    ahead = name.split("/")
    hops = 0
    while ahead:
        part = ahead.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return False
            here.pop()
            continue
        here.append(part)
        target = links.get("/".join(here))
        if target is None:
            continue
        hops += 1
        if target.startswith("/") or hops > MOST_HOPS:
            return False
        here.pop()
        ahead = [*target.split("/"), *ahead]
    return True
