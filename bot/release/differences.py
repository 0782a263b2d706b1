"""What a release changes against the one before: which files to compare, and in what two of them differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from bot.domain.anatomy import Anatomy, Difference, DifferenceKind
from bot.domain.distributions import Distribution, DistributionKind, IndexFile, parse_filename

# Both must hold for a jump: small files grow by factors with every line.
SIZE_FACTOR = 3
SIZE_LEAST = 100 * 1024  # bytes
SHOWN = 5  # names in one sentence
_BINARIES = (".so", ".pyd", ".exe", ".dll", ".dylib")
# Whoever leaves out a Python leaves out its last patch release too; nothing newer is looked for.
_PYTHONS = ("2.7.99", *(f"3.{minor}.99" for minor in range(41)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The version published before: its name, the index it stands on, and its files there."""

    version: Version
    index: str
    files: tuple[IndexFile, ...]


def published_before(version: Version, indexes: Iterable[tuple[str, Sequence[IndexFile]]]) -> Before | None:
    """The highest version below `version` on any index; of two indexes that have it, the first.

    A final version is compared with the last final one, if there is one: its own candidates were released under a rule
    of their own, and what came with them would be no news.
    """
    found: dict[Version, Before] = {}
    for index, listed in indexes:
        here: dict[Version, list[IndexFile]] = {}
        for file in listed:
            said = parse_filename(file.filename)
            if said is not None and said.version < version:
                here.setdefault(said.version, []).append(file)
        for older, files in here.items():
            found.setdefault(older, Before(version=older, index=index, files=tuple(files)))
    finals = [older for older in found if not older.is_prerelease]
    candidates = finals if finals and not version.is_prerelease else list(found)
    return found[max(candidates)] if candidates else None


def pairs(ours: Iterable[Distribution], before: Before) -> tuple[tuple[Distribution, IndexFile], ...]:
    """Which of our files takes the place of which: wheels of the same tags, sdists; wheels first."""
    theirs = {_place(file.filename): file for file in before.files}
    matched = [(file, theirs[place]) for file in ours if (place := _place(file.filename)) in theirs]
    return tuple(sorted(matched, key=lambda pair: (pair[0].kind is not DistributionKind.WHEEL, pair[0].filename)))


def kin(ours: Iterable[Distribution], before: Before) -> tuple[tuple[Distribution, IndexFile], ...]:
    """Wheels that take no other's place, since their tags are new, each with a wheel of the release before.

    One for the same platform if there is any, else the first by name.
    """
    places = {_place(file.filename) for file in before.files}
    wheels = sorted((file for file in before.files if _platforms(file.filename)), key=lambda file: file.filename)
    new = [file for file in ours if file.kind is DistributionKind.WHEEL and _place(file.filename) not in places]
    return tuple((file, _nearest(file, wheels)) for file in new if wheels)


def _nearest(file: Distribution, wheels: Sequence[IndexFile]) -> IndexFile:
    here = _platforms(file.filename)
    return next((wheel for wheel in wheels if here & _platforms(wheel.filename)), wheels[0])


def _platforms(filename: str) -> frozenset[str]:
    """The platforms that a wheel is for; empty for what is no wheel."""
    said = parse_filename(filename)
    if said is None or said.kind is not DistributionKind.WHEEL:
        return frozenset()
    return frozenset(tag.platform for tag in parse_wheel_filename(filename)[3])


def fewer(ours: Sequence[Distribution], before: Before) -> tuple[Difference, ...]:
    """What kinds of files the release before had and this one lacks."""
    here = {_place(file.filename) for file in ours}
    lost = sorted(place for place in {_place(file.filename) for file in before.files} - here if place)
    kind = DifferenceKind.FEWER_DISTRIBUTIONS
    words = [f"no {_SDIST} this time"] if _SDIST in lost else []
    wheels = [place for place in lost if place != _SDIST]
    if wheels:
        words.append(f"no wheel for {_listed(wheels)}")
    return tuple(Difference(kind=kind, words=one) for one in words)


def compare(before: Anatomy, now: Anatomy, *, kin: bool = False) -> tuple[Difference, ...]:
    """In what one file differs from the one it takes the place of.

    Of one that is merely `kin`, built for something else, neither size nor what is gone says anything.
    """
    told = [
        (DifferenceKind.NEW_TOP_LEVEL, _added("new top-level", before.top_levels, now.top_levels)),
        (DifferenceKind.NEW_BINARY, _added("new binary", _binaries(before), _binaries(now))),
        (DifferenceKind.LOST_FILES, "" if kin else _lost(before, now)),
        (DifferenceKind.SIZE_JUMP, "" if kin else _size(before, now)),
        (DifferenceKind.DEPENDENCIES, _changed("dependencies", before.requires, now.requires)),
        (DifferenceKind.ENTRY_POINTS, _changed("entry points", before.entry_points, now.entry_points)),
        (DifferenceKind.REQUIRES_PYTHON, _pythons(before.requires_python, now.requires_python)),
        (DifferenceKind.LICENSE, _license(before.license, now.license)),
    ]
    return tuple(Difference(kind=kind, words=words) for kind, words in told if words)


_SDIST = "sdist"


def _place(filename: str) -> str:
    """What a file is within its release: the tags of a wheel, or that it is the sdist; empty if it is neither."""
    said = parse_filename(filename)
    if said is None:
        return ""
    if said.kind is DistributionKind.SDIST:
        return _SDIST
    return ".".join(sorted(map(str, parse_wheel_filename(filename)[3])))


def _binaries(anatomy: Anatomy) -> tuple[str, ...]:
    """Files with machine code, by folder and module: the tags between name and suffix change with every Python."""
    found = []
    for name in anatomy.files:
        folder, slash, last = name.rpartition("/")
        if last.lower().endswith(_BINARIES) or ".so." in last.lower():
            found.append(f"{folder}{slash}{last.split('.')[0]}")
    return tuple(found)


def _added(what: str, before: Sequence[str], now: Sequence[str]) -> str:
    new = sorted(set(now) - set(before))
    return f"{what} {_listed(new)}" if new else ""


def _lost(before: Anatomy, now: Anatomy) -> str:
    lost = sorted(set(before.files) - set(now.files))
    if not lost:
        return ""
    return f"{len(lost)} {'file is' if len(lost) == 1 else 'files are'} gone: {_listed(lost)}"


def _size(before: Anatomy, now: Anatomy) -> str:
    small, large = sorted((before.size, now.size))
    if large - small < SIZE_LEAST or large < SIZE_FACTOR * small:
        return ""
    return f"{now.filename} is {_bytes(now.size)}, was {_bytes(before.size)}"


def _bytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{size / 1024:.0f} KiB"


def _changed(what: str, before: Sequence[str], now: Sequence[str]) -> str:
    new, gone = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    parts = [f"{verb} {_listed(names)}" for verb, names in (("new", new), ("gone", gone)) if names]
    return f"{what}: {', '.join(parts)}" if parts else ""


def _pythons(before: str, now: str) -> str:
    """Whether Pythons are left out that the release before took; a text nobody can read is compared as text."""
    try:
        old, new = SpecifierSet(before), SpecifierSet(now)
    except InvalidSpecifier:
        return "" if before == now else f"requires Python {now or 'of any version'}, was {before or 'any version'}"
    out = [one.removesuffix(".99") for one in _PYTHONS if one in old and one not in new]
    return f"requires Python {now}, which leaves out {_listed(out)}" if out else ""


def _license(before: str, now: str) -> str:
    return "" if before == now else f"license {now or 'not stated'}, was {before or 'not stated'}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
