"""Comparisons as the watch would store them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.refs import Project, RefChange
from bot.domain.releases import Release
from bot.ports.store import Comparison
from tests.unit.release_facts import NOON, PROJECT

NONE: Mapping[str, str] = MappingProxyType({})


def comparison(
    tags: Mapping[str, str],
    *,
    basis: Mapping[str, str] | None = None,
    changes: tuple[RefChange, ...] = (),
    releases: tuple[Release, ...] = (),
    project: Project = PROJECT,
    branches: Mapping[str, str] = NONE,
) -> Comparison:
    """What a look at a project found; without `basis` it is the first."""
    return Comparison(
        project=project,
        basis_tags=basis,
        tags=tags,
        branches=branches,
        patterns=frozenset(branches),
        changes=changes,
        releases=releases,
        began=NOON,
        now=NOON,
    )
