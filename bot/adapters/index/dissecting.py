"""In the child: what one distribution holds, read without unpacking it anywhere."""

from __future__ import annotations

import configparser
import re
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement

from bot.adapters.index.fetching import FetchError, fetch
from bot.adapters.index.inspection import LONGEST_METADATA, sdist_metadata, wheel_metadata
from bot.adapters.index.limits import limit
from bot.adapters.index.messages import Dissected, DissectJob, Unreadable
from bot.adapters.index.names import ArchiveError
from bot.adapters.index.tars import TarReader, unpack
from bot.adapters.index.zips import ZipReader
from bot.domain.distributions import DistributionKind, FileName, parse_filename

LONGEST_TEXT = 200  # characters of one foreign text
_VERSIONED = re.compile(r"^[^/]+\.(dist-info|data)(?=/)")
_INSTALLED = re.compile(r"^[^/]+\.data/(?:purelib|platlib)/")


def dissect(job: DissectJob) -> Dissected | Unreadable:
    """Read a kept file, or download one that must hash to what the index lists."""
    limit(memory=job.memory, cpu=job.cpu)
    said = parse_filename(job.filename)
    if said is None:
        return Unreadable(fault="refused", what="is neither a wheel nor an sdist", requests=0)
    requests = 0
    try:
        with tempfile.TemporaryFile(dir=job.scratch) as scratch:
            if job.path:
                with Path(job.path).open("rb") as file:
                    return _dissected(file, scratch, said, requests)
            assert job.fetch is not None, "a file that is not kept is fetched"
            with tempfile.TemporaryFile(dir=job.scratch) as file:
                requests = fetch(job.fetch, file)
                return _dissected(file, scratch, said, requests)
    except FetchError as error:
        return error.result
    except ArchiveError as error:
        return Unreadable(fault="refused", what=f"{error}", requests=requests)
    except OSError as error:
        return Unreadable(fault="transient", what=f"cannot be read: {error.strerror}", requests=requests)


def _dissected(file: IO[bytes], scratch: IO[bytes], said: FileName, requests: int) -> Dissected:
    size = file.seek(0, 2)
    file.seek(0)
    entry_points = b""
    if said.kind is DistributionKind.WHEEL:
        archive = ZipReader(file)
        metadata = wheel_metadata(archive, said)
        members = {member.name: member for member in archive.members}
        declared = next((one for name, one in members.items() if _place(name) == "*.dist-info/entry_points.txt"), None)
        if declared is not None:
            entry_points = archive.read(declared, most=LONGEST_METADATA)
        names = [_place(name) for name in members]
    else:
        unpack(file, scratch)
        tar = TarReader(scratch)
        metadata = sdist_metadata(tar, said)
        names = [name.partition("/")[2] for name in tar.members]
    raw, _ = parse_email(metadata)
    return Dissected(
        size=size,
        files=_clean(names),
        top_levels=_clean(_top_levels(members)) if said.kind is DistributionKind.WHEEL else (),
        requires=_clean(map(_requirement, raw.get("requires_dist") or ())),
        requires_python=_text(raw.get("requires_python") or ""),
        entry_points=_clean(_entry_points(entry_points)),
        license=_text(_license(raw)),
        requests=requests,
    )


def _place(name: str) -> str:
    """A wheel's member by where it belongs, whatever the version is."""
    return _VERSIONED.sub(r"*.\1", name)


def _top_levels(names: Iterable[str]) -> set[str]:
    """What Python can import once it is installed, and what else lies beside that: a `.pth` runs at every start."""
    found = set()
    for name in names:
        inside = _INSTALLED.sub("", name)
        if not _VERSIONED.match(inside):
            found.add(inside.split("/")[0].removesuffix(".py"))
    return found


def _requirement(line: str) -> str:
    try:
        return str(Requirement(line))
    except InvalidRequirement:
        return line


def _entry_points(data: bytes) -> list[str]:
    """Lines `group: name = value`. What cannot be read as such is one line that says so."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of entry points keep their case
    try:
        parser.read_string(data.decode())
    except (configparser.Error, UnicodeDecodeError):
        return ["entry_points.txt, which cannot be read"]
    return [f"{group}: {name} = {value}" for group in parser.sections() for name, value in parser.items(group)]


def _license(raw: RawMetadata) -> str:
    """The expression, else the classifiers, else the field, which may be a whole text."""
    classifiers = [
        one.removeprefix("License :: ") for one in raw.get("classifiers", []) if one.startswith("License ::")
    ]
    lines = (raw.get("license") or "").strip().splitlines()
    return raw.get("license_expression") or ", ".join(sorted(classifiers)) or (lines[0] if lines else "")


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_text(text) for text in texts}))


def _text(text: str) -> str:
    """A foreign text on one line, without what a terminal would obey, cut."""
    kept = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in text.strip())
    return kept if len(kept) <= LONGEST_TEXT else kept[: LONGEST_TEXT - 1] + "…"
