"""What looks like a distribution and is published nowhere: why not, and what makes one of it that is.

An sdist is a `.tar.gz` and nothing else, on every index: that is what PEP 625 calls one, and PyPI refuses all others.
Source: PEP 625; PEP 527 and 715 (formats that PyPI gave up); pypi/warehouse, warehouse/forklift/legacy.py, where the
name of an sdist has to be `name-version.tar.gz`, since October 2025.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from bot.domain.distributions import parse_filename, parse_version

SHOWN = 5  # that a sentence names; it says how many more there are

_SDIST = "an sdist is a .tar.gz (PEP 625), and PyPI refuses all else: let the job build it with `python -m build`"
_EGG = "eggs are taken by no index any more (PEP 715): let the job build a wheel with `python -m build`"
_UNNAMED = "no .tar.gz is an sdist unless it is called NAME-VERSION.tar.gz (PEP 625): let the job build it with "
_UNNAMED += "`python -m build`, and keep other archives in another folder"
_ELSEWHERE = (
    "it lies outside dist/, and where jobs keep a folder of that name nothing else is published: write it there"
)
# What setuptools and its forerunners made sdists of, and some still do where `formats` says so.
_OLD_SDISTS = (".zip", ".tgz", ".tbz", ".tar", ".tar.bz2", ".tar.xz", ".tar.z")
_EGG_NAME = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py\d.*)?\.egg", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalike:
    """What a file name that is no distribution's looks like: the PEP 503 name in it, if there is one, and why it is
    none.
    """

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One file that is left out. `origin` says which job left it, `why` why it is not published, and the way out."""

    filename: str
    origin: str
    name: str
    why: str


def lookalike(filename: str) -> Lookalike | None:
    """What looks like a distribution and is none; None for distributions and for everything else.

    A file that ends in `.whl` is none of these: whoever reads artifacts refuses it if its name is no wheel's.
    """
    lower = filename.lower()
    if parse_filename(filename) is not None or lower.endswith(".whl"):
        return None
    if lower.endswith(".tar.gz"):
        return Lookalike(name=canonicalize_name(re.split(r"-\d", filename, maxsplit=1)[0]), why=_UNNAMED)
    if egg := _EGG_NAME.fullmatch(filename):
        return Lookalike(name=canonicalize_name(egg["name"]), why=_EGG)
    ending = max((end for end in _OLD_SDISTS if lower.endswith(end)), key=len, default="")
    name, _, version = filename[: -len(ending)].rpartition("-") if ending else ("", "", "")
    if name and parse_version(version) is not None:
        return Lookalike(name=canonicalize_name(name), why=_SDIST)
    return None


def left_out(
    filename: str, folder: Collection[str], taken: Collection[str], names: Collection[str]
) -> Lookalike | None:
    """Why a file of a job is left out of a release; None where it is taken, or nobody would expect it there.

    `folder` are the parts of the path that it lies under; `taken` are the file names that are released, `names` those
    of their distributions (PEP 503). What lies in a `dist` was meant to be published, and so, as far as a name can
    tell, was what bears the name of what is; where nothing is released at all, whatever looks like it may have been.
    """
    said = parse_filename(filename)
    if filename in taken:
        return None
    if said is not None:
        return Lookalike(name=said.name, why=_ELSEWHERE) if said.name in names else None
    odd = lookalike(filename)
    meant = "dist" in folder or not taken or (odd is not None and odd.name in names)
    return odd if meant else None


def sentences(files: Sequence[LeftOut]) -> str:
    """What was left out and why, one sentence for each reason; empty if nothing was."""
    by_reason: dict[str, list[LeftOut]] = {}
    for file in files:
        by_reason.setdefault(file.why, []).append(file)
    return ". ".join(f"{_named(some)} left out: {why}" for why, some in by_reason.items())


def _named(files: Sequence[LeftOut]) -> str:
    shown = [f"{file.filename} of {file.origin}" for file in files[:SHOWN]]
    more = len(files) - len(shown)
    verb = "is" if len(files) == 1 else "are"
    return f"{', '.join(shown)}{f' and {more} more' if more else ''} {verb}"
