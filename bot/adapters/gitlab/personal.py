"""GitLab as one person sees it, with the token that they gave the dashboard.

Source: lib/api/users.rb, lib/api/members.rb, app/graphql/resolvers/projects_resolver.rb.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bot.adapters.gitlab.account import role
from bot.adapters.gitlab.bounds import Limits
from bot.adapters.gitlab.client import Api, Json
from bot.adapters.gitlab.people import approver
from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.sign_in import GitLabUser

BOUNDS = Limits(silence=5.0, answer=10.0, answer_bytes=1024 * 1024)
"""Somebody waits in front of a browser."""
AT_ONCE = 100  # a page of GraphQL has no more
WORKERS = 6
FORBIDDEN = 403
VISIBLE = "query($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id } } }"
_PROJECT = "gid://gitlab/Project/"


class GitLabPersonsView:
    """See bot.ports.sign_in.PersonsView."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def user(self) -> GitLabUser:
        """Whose token it is."""
        row = self._api.get("/user")
        if row is None:
            raise RefusedError(what="there is no /user behind the token", where=self._api.where)
        return self._api.read(_user, row)

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """A hundred with each request, and some requests at a time: an organisation has thousands."""
        portions = [project_ids[start : start + AT_ONCE] for start in range(0, len(project_ids), AT_ONCE)]
        if len(portions) <= 1:
            return frozenset().union(*map(self._seen, portions))
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="visible") as pool:
            return frozenset().union(*pool.map(self._seen, portions))

    def _seen(self, some: Sequence[int]) -> frozenset[int]:
        data = self._api.graphql(VISIBLE, {"ids": [f"{_PROJECT}{one}" for one in some]})
        return frozenset(self._api.read(_ids, data) & set(some))

    def role(self, project_id: int, user_id: int) -> int | None:
        """The highest of direct, inherited and invited membership, as they may read it themselves.

        Where a project's members are not for strangers to see, a stranger has none; who is blocked is refused all else.
        """
        try:
            return role(self._api, user_id, str(project_id), group=False)
        except CredentialsError as error:
            if error.status != FORBIDDEN:
                raise
            self.user()
            return None

    def approver(self) -> Approver:
        """With the addresses that only they may read."""
        return approver(self._api)


def _user(row: Json) -> GitLabUser:
    username, number = str(row["username"]), row["id"]
    if isinstance(number, bool) or not isinstance(number, int) or not username:
        raise ValueError("a user without id or name")
    return GitLabUser(
        user_id=number, username=username, name=str(row.get("name") or username), robot=bool(row.get("bot", False))
    )


def _ids(data: Json) -> set[int]:
    return {int(str(node["id"]).removeprefix(_PROJECT)) for node in data["projects"]["nodes"]}
