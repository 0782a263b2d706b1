"""What people say about a release: who holds it back, who approved it, and who made what is released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.gitlab import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Somebody holds a ref of a project back, whatever commit it is at.

    `by` is a name for people to ask; `until` (UTC) is when it ends by itself, None for never.
    """

    by: str
    since: datetime
    until: datetime | None = None
    reason: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """Who has to approve a release: `count` people of at least that role and, if any are named, of `users`.

    Whoever made what is released does not count: who pushed the ref, author and committer of its commit, and the
    authors of the merge requests that brought that commit; with `all_authors` of every merge request shipped.
    """

    role: Role = Role.MAINTAINER
    count: int = 1
    users: tuple[str, ...] = ()
    all_authors: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody's yes to one release, its commit included. `level` is their access level in the project then."""

    user_id: int
    username: str
    level: int
    at: datetime
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Somebody who wants to approve, or did, as GitLab knows them now.

    `level` is the access level in the project, None for no member; `emails` are those that are known (lower case), and
    `known` is whether these are all they have.
    """

    user_id: int
    username: str
    level: int | None
    emails: frozenset[str] = frozenset()
    robot: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """One of those who made what is released, by id or e-mail address, and `what` they did, as in "who …"."""

    what: str
    user_id: int | None = None
    email: str | None = None

    def is_one(self, approver: Approver) -> bool:
        """Whether the approver is that person, as far as can be told."""
        by_id = self.user_id is not None and self.user_id == approver.user_id
        return by_id or (self.email is not None and self.email.lower() in approver.emails)


def one_line(text: str) -> str:
    """A reason on one line of printable characters, at most 300."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
