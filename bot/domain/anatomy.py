"""What distributions hold, and what differs between two of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.distributions import DistributionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """What one distribution holds, as far as two are compared. All texts are foreign.

    `size` is that of the file in bytes. `files` are the names within, without what changes with the version: an sdist's
    top folder is left out, a wheel's own folders are called `*.dist-info` and `*.data`. `top_levels` are the names a
    wheel puts where Python imports from; an sdist has none. `requires` are the `Requires-Dist` lines in packaging's
    spelling, `entry_points` lines `group: name = value`.
    """

    filename: str
    kind: DistributionKind
    size: int
    files: tuple[str, ...]
    top_levels: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    entry_points: tuple[str, ...] = ()
    license: str = ""


class DifferenceKind(StrEnum):
    """In what two releases may differ; the words of `hold_on`."""

    NEW_TOP_LEVEL = "new_top_level"
    LOST_FILES = "lost_files"
    SIZE_JUMP = "size_jump"
    NEW_BINARY = "new_binary"
    DEPENDENCIES = "dependencies"
    REQUIRES_PYTHON = "requires_python"
    ENTRY_POINTS = "entry_points"
    LICENSE = "license"
    FEWER_DISTRIBUTIONS = "fewer_distributions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs; `words` are half a sentence for a person."""

    kind: DifferenceKind
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What a release's files change against the last published ones.

    `since` is that version and `index` where it stands; both are None where nothing was published before. `unread` says
    in half sentences what could not be compared.
    """

    since: str | None
    index: str | None
    found: tuple[Difference, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """12 hex digits that stand for exactly these differences: what a person accepts is pinned to them."""
        told = [self.since, self.index, [(one.kind.value, one.words) for one in self.found], list(self.unread)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
