"""Users, their credentials and the levels of access members have."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.world.applications import Application


class Level(IntEnum):
    """Access levels. Source: doc/api/members.md."""

    NONE = 0
    MINIMAL = 5
    GUEST = 10
    PLANNER = 15
    REPORTER = 20
    SECURITY_MANAGER = 25
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50
    ADMIN = 60


LEVEL_NAMES = {
    Level.NONE: "No one",
    Level.DEVELOPER: "Developers + Maintainers",
    Level.MAINTAINER: "Maintainers",
    Level.ADMIN: "Instance admins",
}
"""How protected refs describe a level."""


class TokenKind(StrEnum):
    """Which credential a secret is; it decides where the secret is accepted."""

    PERSONAL = "personal"
    PROJECT = "project"
    GROUP = "group"
    DEPLOY = "deploy"
    JOB = "job"
    OAUTH = "oauth"


SCOPES = (
    "api",
    "read_api",
    "read_user",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
)
"""Scopes that every kind of token of a person may have, in GitLab's order."""


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """A person, or the bot user that stands behind a project or group token."""

    id: int
    username: str
    name: str
    email: str
    created_at: datetime
    admin: bool = False
    bot: bool = False
    state: str = "active"
    more_emails: list[str] = field(default_factory=list)
    public_email: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Token:
    """A credential. `user` acts through it; a deploy token acts as nobody, within `project` or `group`.

    An OAuth token belongs to an `application`, ends at a moment and is renewed by `refresh`.
    """

    id: int
    kind: TokenKind
    name: str
    secret: str = field(repr=False)
    scopes: frozenset[str]
    created_at: datetime
    user: User | None = None
    username: str | None = None
    description: str | None = None
    expires_at: date | None = None
    revoked: bool = False
    project_id: int | None = None
    group_id: int | None = None
    job_id: int | None = None
    last_used_at: datetime | None = None
    application: "Application | None" = None
    refresh: str = field(default="", repr=False)
    ends_at: datetime | None = None

    def expired(self, today: date) -> bool:
        """Whether the token is past its day. GitLab expires tokens at the start of `expires_at`."""
        return self.expires_at is not None and self.expires_at <= today

    def over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.expired(now.date()) or (self.ends_at is not None and self.ends_at <= now)

    def active(self, today: date) -> bool:
        """Whether the token still opens anything."""
        return not self.revoked and not self.expired(today)
