"""The next version of a project, from what its changes say: Conventional Commits, or labels of merge requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from packaging.version import Version

from bot.domain.commits import parse_message, told
from bot.domain.gitlab import Commit, MergeRequest

FIRST = Version("0.1.0")
LABELS = "version::"
_PATCHES = frozenset({"fix", "perf", "security", "revert", "deps"})


class Bump(IntEnum):
    """How much of a version a change moves; the greatest of all changes counts."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


class VersionSource(StrEnum):
    """What says how much a version moves."""

    CONVENTIONAL = "conventional"
    LABELS = "labels"


class PreRelease(StrEnum):
    """The kinds of pre-releases. Source: PEP 440."""

    ALPHA = "a"
    BETA = "b"
    CANDIDATE = "rc"


class Auto(StrEnum):
    """What the daemon does by itself about a new commit on the branch that is tagged."""

    NONE = "none"
    TAG = "tag"
    PROPOSE = "propose"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHead:
    """A new commit on a project's branch, about which the daemon is to see whether it is tagged.

    `seen_at` is when it was seen, `due_at` when it is looked at next (None: it is settled); `told` is what came of the
    last look.
    """

    project_id: int
    project: str
    branch: str
    sha: str
    seen_at: datetime
    due_at: datetime | None
    tries: int = 0
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersioningPolicy:
    """That the bot may tag, by which changes, on which branch (None: the default branch), and how tags are called:
    `tag` holds `{version}` once. With `merge_request` only a merged release merge request is tagged. `auto` is what the
    daemon does without being asked.
    """

    by: VersionSource = VersionSource.CONVENTIONAL
    branch: str | None = None
    tag: str = "v{version}"
    merge_request: bool = False
    auto: Auto = Auto.NONE

    def name(self, version: Version) -> str:
        """The tag of a version."""
        return self.tag.replace("{version}", str(version))

    def read(self, tag: str) -> Version | None:
        """The version of a tag that is called so; None for any other."""
        before, _, after = self.tag.partition("{version}")
        if len(tag) <= len(before) + len(after) or not (tag.startswith(before) and tag.endswith(after)):
            return None
        text = tag[len(before) : len(tag) - len(after)]
        try:
            version = Version(text)
        except ValueError:
            return None
        # Only the one way to write it is ours: `v1.2` would be taken for another tag of 1.2.0.
        return version if str(version) == text and len(version.release) == 3 else None

    def versions(self, tags: Iterable[str]) -> dict[str, Version]:
        """Those of the tags that are called so, by name."""
        return {tag: version for tag in tags if (version := self.read(tag)) is not None}


def bump_of_commits(commits: Iterable[Commit]) -> Bump:
    """What Conventional Commits ask for; merges, and what was reverted again, ask for nothing.

    Source: conventionalcommits.org 1.0.0: feat is MINOR, fix PATCH, a breaking change MAJOR.
    """
    found = Bump.NONE
    for commit in told(commits):
        said = parse_message(commit.message)
        if said is None:
            continue
        one = Bump.NONE
        if said.breaking:
            one = Bump.MAJOR
        elif said.type == "feat":
            one = Bump.MINOR
        elif said.type in _PATCHES:
            one = Bump.PATCH
        found = max(found, one)
    return found


def bump_of_labels(merge_requests: Iterable[MergeRequest]) -> Bump:
    """What the labels `version::major`, `version::minor` and `version::patch` ask for; others say nothing."""
    words = {f"{LABELS}{bump.name.lower()}": bump for bump in (Bump.PATCH, Bump.MINOR, Bump.MAJOR)}
    labels = (label.lower() for one in merge_requests for label in one.labels)
    return max((words[label] for label in labels if label in words), default=Bump.NONE)


def bumped(last: Version | None, bump: Bump) -> Version:
    """The final version after `last` (None: there was none yet).

    Before 1.0.0 anything may change: what breaks something moves the second number there, and 1.0.0 is tagged by hand.
    Source: semver.org 2.0.0, item 4.
    """
    if last is None:
        return FIRST
    major, minor, patch = (*last.release, 0, 0)[:3]
    if bump is Bump.MAJOR and major:
        return Version(f"{major + 1}.0.0")
    if bump >= Bump.MINOR:
        return Version(f"{major}.{minor + 1}.0")
    return Version(f"{major}.{minor}.{patch + 1}")


def next_version(
    last: Version | None, bump: Bump, known: Iterable[Version] = (), *, pre: PreRelease | None = None
) -> Version:
    """The version to tag: final, or the next pre-release of that kind.

    `last` is the last final version, since which `bump` was counted; `known` are all that were ever tagged.
    """
    final = bumped(last, bump)
    if pre is None:
        return final
    numbers = [one.pre[1] for one in known if one.release == final.release and one.pre and one.pre[0] == pre.value]
    return Version(f"{final}{pre.value}{max(numbers, default=0) + 1}")
