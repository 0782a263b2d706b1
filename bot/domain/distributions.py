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

    `sha256` is the lower-case hex digest of the kept bytes, `size` in bytes; `problem` is what `twine check --strict`
    or our own reading of the archive objects to, in one sentence (empty when nothing does).
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


def version_of_tag(tag: str) -> Version | None:
    """The version a tag announces: the last part of `pkg/v1.2` (PEP 440 allows the `v`); None if it is not PEP 440."""
    return parse_version(tag.rsplit("/", 1)[-1])
