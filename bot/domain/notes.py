"""How release notes are made: what policy says, and what was chosen for one release."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NotesStrategy(StrEnum):
    """Where the entries of release notes come from."""

    AUTO = "auto"
    MERGE_REQUESTS = "merge_requests"
    CONVENTIONAL = "conventional"
    CHANGELOG_API = "changelog_api"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesGroup:
    """A heading of the notes: `labels` of merge requests and `types` of Conventional Commits that stand under it.

    Labels and types are compared without regard to case. `breaking` marks the group of changes that say so themselves.
    """

    title: str
    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    breaking: bool = False


DEFAULT_GROUPS = (
    NotesGroup(
        title="Breaking changes",
        labels=("breaking", "breaking change", "breaking-change", "type::breaking"),
        breaking=True,
    ),
    NotesGroup(title="Security", labels=("security", "type::security"), types=("security",)),
    NotesGroup(title="Added", labels=("feature", "enhancement", "type::feature"), types=("feat",)),
    NotesGroup(title="Fixed", labels=("bug", "bugfix", "fix", "type::bug"), types=("fix",)),
    NotesGroup(title="Faster", labels=("performance", "type::performance"), types=("perf",)),
    NotesGroup(title="Documentation", labels=("documentation", "docs"), types=("docs",)),
    NotesGroup(
        title="Maintenance",
        labels=("maintenance", "chore", "dependencies", "refactoring", "type::maintenance"),
        types=("build", "chore", "ci", "refactor", "style", "test", "deps"),
    ),
)
OTHER_TITLE = "Other changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesPolicy:
    """What the organisation wants people to be told.

    `file` is the changelog's path in the repository, `template` the text of a Jinja template (None: the built-in
    form). With `issues` the issues that a merge request closed are told too; with `failure_issue` a project has one
    issue about releases that stopped, which carries `failure_labels`; with `previews` open merge requests are told
    what they will be released as.
    """

    strategy: NotesStrategy = NotesStrategy.AUTO
    groups: tuple[NotesGroup, ...] = DEFAULT_GROUPS
    file: str = "CHANGELOG.md"
    template: str | None = None
    issues: bool = False
    failure_issue: bool = False
    failure_labels: tuple[str, ...] = ()
    previews: bool = False


DEFAULT_NOTES = NotesPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesSource:
    """What the notes of one release are made from. `strategy` is never `auto`; `reason` says why it is this one.

    `markdown` is the foreign text of strategies that have one (a changelog's section, GitLab's answer). `fallback`
    says that the reason is why not what was asked for.
    """

    strategy: NotesStrategy
    reason: str
    markdown: str | None = None
    fallback: bool = False
