"""Distributions: wheels and sdists, their names and versions.

Source: PEP 427 (wheel file names), PEP 625 (sdist file names), PEP 440 (versions), PEP 503 (names).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version


class DistributionKind(StrEnum):
    """The two kinds an index takes."""

    WHEEL = "wheel"
    SDIST = "sdist"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """What a distribution's file name says: kind, PEP 503 name, PEP 440 version."""

    kind: DistributionKind
    name: str
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The core metadata inside a distribution: name and version exactly as written there."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One file that is to stand on the indexes.

    `sha256` is the lower-case hex digest of the kept bytes, `size` in bytes (0 where only an index has them);
    `problem` is what `twine check --strict` or our own reading of the archive objects to, in one sentence (empty when
    nothing does).
    `origin` says where the bytes come from (`job 123 (build)`), `job_id` is that job for source `artifacts`.
    """

    filename: str
    kind: DistributionKind
    sha256: str
    size: int
    metadata: Metadata
    origin: str
    job_id: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """One file as an index lists it. `sha256` is None where no hash is shown and the bytes could not be read."""

    filename: str
    sha256: str | None
    url: str


def parse_filename(filename: str) -> FileName | None:
    """Read a distribution's file name; None if it is not a wheel's or an sdist's (`.tar.gz`) name."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
            return FileName(kind=DistributionKind.WHEEL, name=name, version=version)
        if filename.endswith(".tar.gz"):
            name, version = parse_sdist_filename(filename)
            return FileName(kind=DistributionKind.SDIST, name=name, version=version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return None


def same_name(one: str, other: str) -> bool:
    """Whether two project names are one on an index (PEP 503)."""
    return canonicalize_name(one) == canonicalize_name(other)


def parse_version(text: str) -> Version | None:
    """The PEP 440 version in `text`, or None."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagName:
    """What a tag's name says: the version it announces (None if none that is PEP 440), and what stands before it.

    `prefix` is without the sign that ends it: `pkg` of `pkg/v1.2`, `pkg-v1.2` and `pkg@1.2`, `libs/pkg` of
    `libs/pkg-1.2`; empty for `v1.2`.
    """

    prefix: str
    version: Version | None

    @property
    def package(self) -> str:
        """The name that the prefix ends with, as an index compares it (PEP 503); empty without one."""
        return canonicalize_name(self.prefix.rsplit("/", 1)[-1])


_SIGNS = "@-_"  # between a package's name and its version, as people write them in tags


def read_tag(tag: str) -> TagName:
    """Read a tag's name.

    What is a version as a whole has no prefix, so that `v1.0-rc1` is one; else the shortest name counts before which a
    version follows, so that `pkg-1.0-1` is a post release of `pkg`.
    """
    folder, slash, last = tag.rpartition("/")
    whole = parse_version(last)
    if whole is not None:
        return TagName(prefix=folder, version=whole)
    for place, sign in enumerate(last):
        name, rest = last[:place], last[place + 1 :]
        if sign in _SIGNS and name and name[-1] not in _SIGNS:
            version = parse_version(rest)
            if version is not None:
                return TagName(prefix=f"{folder}{slash}{name}", version=version)
    return TagName(prefix=folder, version=None)


def version_of_tag(tag: str) -> Version | None:
    """The version a tag announces, prefixed or not (PEP 440 allows the `v`); None if it is not PEP 440."""
    return read_tag(tag).version
