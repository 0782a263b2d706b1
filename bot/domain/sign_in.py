"""Who signs in to the dashboard with GitLab, and what GitLab gives for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.secrets import Secret

SCOPE = "read_api"
"""All that the dashboard asks people for: who they are, which projects they see, which role they have there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a person's yes is worth. `lasts` is how long `access` opens anything, from when it was given."""

    access: Secret
    refresh: Secret | None
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabUser:
    """A user as GitLab knows them. `name` is what people call them; `robot` that no person is behind it."""

    user_id: int
    username: str
    name: str
    robot: bool = False
