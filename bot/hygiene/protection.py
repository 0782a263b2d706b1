"""What protection rules say together."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.estate import ProtectedBranches, ProtectedTags, Role
from bot.hygiene.wildcards import included, matches, overlaps


def unprotected_tags(release_tags: Iterable[str], rules: Iterable[ProtectedTags]) -> tuple[str, ...]:
    """The release tag patterns of which some tag may be unprotected."""
    patterns = [rule.pattern for rule in rules]
    return tuple(tag for tag in release_tags if not included(patterns, tag))


def tag_rules(release_tag: str, rules: Iterable[ProtectedTags]) -> tuple[ProtectedTags, ...]:
    """The rules that some tag of a release pattern falls under."""
    return tuple(rule for rule in rules if overlaps(rule.pattern, release_tag))


def branch_rules(branch: str, rules: Iterable[ProtectedBranches]) -> tuple[ProtectedBranches, ...]:
    """The rules that a branch falls under."""
    return tuple(rule for rule in rules if matches(rule.pattern, branch))


def open_to_developers(levels: Iterable[int]) -> bool:
    """Whether one of these access levels is a Developer's. Level 0 is nobody."""
    return any(Role.NOBODY < level <= Role.DEVELOPER for level in levels)
