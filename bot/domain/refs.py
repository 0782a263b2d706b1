"""Projects, refs and what is said about them: the words everything else is spelled with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class RefKind(StrEnum):
    """What a ref is; GitLab protects the two kinds by separate rules."""

    TAG = "tag"
    BRANCH = "branch"


class RefAction(StrEnum):
    """What happened to a ref."""

    CREATED = "created"
    MOVED = "moved"
    DELETED = "deleted"


class ChangeSource(StrEnum):
    """Who told us of a ref change."""

    HOOK = "hook"
    POLL = "poll"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A GitLab project. `full_path` is the namespace and path (`acme/tools/widget`); it may change, `id` may not.

    `last_activity_at` is GitLab's own and moves at most once an hour.
    """

    id: int
    full_path: str
    web_url: str
    default_branch: str | None
    archived: bool = False
    topics: tuple[str, ...] = ()
    last_activity_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag as GitLab shows it now.

    `sha` is the commit (40 hex digits), `target` the tag object for an annotated tag and the commit otherwise;
    `created_at` is None for a lightweight tag; `protected` is computed by GitLab from all rules.
    """

    name: str
    sha: str
    target: str
    protected: bool
    message: str = ""
    created_at: datetime | None = None
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch as GitLab shows it now. `sha` is its head, `committed_at` the time of that commit."""

    name: str
    sha: str
    protected: bool
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The ref of a release as it is now.

    `sha` is the commit it points to; `holds` is whether the release's own commit is still the ref's: a tag points at
    it, a branch contains it.
    """

    sha: str
    protected: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefChange:
    """What watch takes in. Unique on (project_id, ref, sha, action), whoever tells it and how often.

    `sha` is the commit for a created or moved ref; for a deleted one the commit it pointed to last.
    """

    project_id: int
    project: str
    kind: RefKind
    ref: str
    sha: str
    action: RefAction
    source: ChangeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefs:
    """A project's refs as last compared, name to commit. `tags` is None as long as there is no baseline.

    Of branches only those are known that one of `patterns` covers: policy names them, and may name others later.
    """

    tags: Mapping[str, str] | None = None
    branches: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    patterns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One push of a ref as GitLab's events tell it. `sha` is what it points to since; an annotated tag's is the tag
    object.
    """

    kind: RefKind
    ref: str
    sha: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """`PROJECT@REF` as a person types it: a full path or numeric id, and a short ref name."""

    project: str
    ref: str

    def __str__(self) -> str:
        return f"{self.project}@{self.ref}"

    @property
    def typed(self) -> str:
        """As a shell takes it: git allows `!`, `;` and `$` in refs."""
        return shlex.quote(str(self))


def parse_target(text: str) -> Target:
    """Split `PROJECT@REF` at the first `@`.

    Raises: ValueError with a sentence when either part is empty.
    """
    project, at, ref = text.partition("@")
    project = project.strip("/")
    if not at or not project or not ref:
        raise ValueError(f"{text!r} is not PROJECT@REF, for example acme/tools/widget@v1.2.3")
    return Target(project, ref)


def matches_wildcard(pattern: str, name: str) -> bool:
    """Whether GitLab would say that `pattern` covers the ref `name`.

    Only `*` is special: it matches any run of characters, `/` included, and may be empty; case matters.

    Source: GitLab, app/models/ref_matcher.rb.
    """
    return re.fullmatch(".*?".join(map(re.escape, pattern.split("*"))), name, flags=re.DOTALL) is not None


def matches_path(pattern: str, full_path: str) -> bool:
    """Whether a project pattern of the configuration covers a full path.

    `**` crosses `/`, `*` stays within one part; case does not matter, as in GitLab's own paths.
    `acme/**` covers everything below the group `acme`.
    """
    expression = "".join(
        ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*|\*)", pattern.strip("/"))
    )
    return re.fullmatch(expression, full_path.strip("/"), flags=re.IGNORECASE | re.DOTALL) is not None
