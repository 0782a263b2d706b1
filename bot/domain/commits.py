"""What commit messages say by convention.

Source: conventionalcommits.org 1.0.0; GitLab, lib/gitlab/changelog (the `Changelog:` trailer); git revert's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conventional_pre_commit.format import ConventionalCommit

from bot.domain.gitlab import Commit

# Types of Conventional Commits that teams use beyond the parser's own.
MORE_TYPES = ("security", "deps", "release")
_TYPES = [*ConventionalCommit.DEFAULT_TYPES, *MORE_TYPES]
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: *(?P<words>\S.*)", re.MULTILINE)
_TRAILER = re.compile(r"^Changelog: *(?P<value>\S.*)", re.MULTILINE | re.IGNORECASE)
_REVERTED = re.compile(r"This reverts commit ([0-9a-f]{40})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventional:
    """A message of the form `type(scope)!: subject`. `type` is in lower case; `breaking` also by a footer that says
    so."""

    type: str
    scope: str | None
    subject: str
    breaking: bool


def parse_message(message: str) -> Conventional | None:
    """A commit's message, or a merge request's title, read as a Conventional Commit; None if it is none."""
    title, _, body = message.replace("\r\n", "\n").strip().partition("\n")
    if title.startswith("#"):  # the parser, made for editors, would drop it as a comment
        return None
    found = ConventionalCommit(title, types=_TYPES).match()
    if found is None or not (found["type"] and found["delim"] and found["subject"]):
        return None
    return Conventional(
        type=found["type"].lower(),
        scope=(found["scope"] or "").strip("() ") or None,
        subject=found["subject"].strip(),
        breaking="!" in found["delim"] or _BREAKING.search(body) is not None,
    )


def has_changelog_trailer(message: str) -> bool:
    """Whether GitLab's own changelog would list the commit."""
    return _TRAILER.search(message) is not None


def told(commits: Iterable[Commit]) -> tuple[Commit, ...]:
    """The commits that say something by themselves: no merges, and neither a revert nor what it reverted here."""
    every = [commit for commit in commits if not commit.merge]
    shas = {commit.sha for commit in every}
    undone: set[str] = set()
    for commit in every:
        reverted = set(_REVERTED.findall(commit.message)) & shas
        undone |= {*reverted, commit.sha} if reverted else set()
    return tuple(commit for commit in every if commit.sha not in undone)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitForms:
    """What the messages of a release's commits have in common: whether any carries GitLab's trailer, whether any and
    whether most follow the convention."""

    trailers: bool
    conventional: bool
    mostly: bool


def forms_of(commits: Sequence[Commit]) -> CommitForms:
    """Read once for all commits of a release, which may be thousands."""
    return CommitForms(
        trailers=any(has_changelog_trailer(commit.message) for commit in commits),
        conventional=any(parse_message(commit.message) is not None for commit in commits),
        mostly=mostly_conventional(commits),
    )


def mostly_conventional(commits: Iterable[Commit]) -> bool:
    """Whether more than half of the commits that are no merges follow the convention."""
    parsed = [parse_message(commit.message) is not None for commit in commits if not commit.merge]
    return sum(parsed) * 2 > len(parsed)
