"""Who the token is, and GitLab's clock.

Source: lib/api/users.rb, lib/api/personal_access_tokens/self_information.rb.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Identity


class GitLabAccount:
    """See bot.ports.gitlab.Account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def identity(self) -> Identity:
        """The user behind the token and the token's scopes."""
        user = self._api.get("/user")
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise RefusedError(
                what="there is no /user: this is not GitLab's API",
                where=self._api.where,
                remedy="gitlab.url is the address of GitLab itself, without /api/v4",
            )
        try:
            token = self._api.get("/personal_access_tokens/self") or {}
        except RefusedError as error:
            if error.status != 400:  # 400: a job or OAuth token, which has no record of itself
                raise
            token = {}
        version = self._api.get("/version") or {}
        return self._api.read(_identity, (user, token, version))

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The highest of direct, inherited and invited membership. Source: lib/api/members.rb."""
        return role(self._api, user_id, place, group=group)

    def now(self) -> datetime:
        """GitLab's clock, from the `Date` of its newest answer; ours where a proxy strips it.

        Raises: TransientError, RefusedError if nothing was asked before and GitLab does not answer now.
        """
        if not self._api.answered:
            self._api.get("/version")
        return self._api.now() or datetime.now(UTC)


def role(api: Api, user_id: int, place: str, *, group: bool) -> int | None:
    """The access level of a user there, None if it is no member, or blocked. Source: lib/api/entities/member.rb."""
    kind = "groups" if group else "projects"
    row = api.get(f"/{kind}/{quote(place, safe='')}/members/all/{user_id}")
    return None if row is None else api.read(_level, row)


def _level(member: Json) -> int | None:
    return int(member["access_level"]) if member.get("state", "active") == "active" else None


def _identity(rows: Json) -> Identity:
    user, token, version = rows
    scopes, expires = token.get("scopes"), token.get("expires_at")
    return Identity(
        user_id=int(user["id"]),
        username=str(user.get("username", "")),
        admin=bool(user.get("is_admin", False)),
        scopes=tuple(map(str, scopes)) if isinstance(scopes, list) else None,
        expires_on=None if expires is None else str(expires),
        version=str(version.get("version", "unknown")),
    )
