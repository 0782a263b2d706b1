"""GitLab as one person sees it, with the token that they gave the dashboard.

Source: lib/api/users.rb, lib/api/members.rb; app/graphql, resolvers/projects_resolver.rb and types/project_type.rb.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain

from bot.adapters.gitlab.account import role
from bot.adapters.gitlab.bounds import Limits
from bot.adapters.gitlab.client import Api, Json
from bot.adapters.gitlab.estate.asking import hopeless
from bot.adapters.gitlab.people import approver
from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.sign_in import GitLabUser

BOUNDS = Limits(silence=5.0, answer=10.0, answer_bytes=1024 * 1024)
"""Somebody waits in front of a browser."""
PAGE = 100  # projects; a page of GraphQL has no more
PAGES = 10  # asked for with one query: its complexity is 60 of the 250 that GitLab lets a person's token have
AT_ONCE = PAGE * PAGES
WORKERS = 6
SINGLY = 200  # projects asked about one by one, where GraphQL does not know access levels
REPORTER = 20  # lib/gitlab/access.rb
FORBIDDEN = 403
_PROJECT = "gid://gitlab/Project/"
_SEEN, _LEVELS = "id", "id maxAccessLevel { integerValue }"


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
        """A thousand with each request, and some requests at a time: an organisation has thousands."""
        return self._among(project_ids, _SEEN)

    def insiders_of(self, project_ids: Sequence[int], user_id: int) -> frozenset[int]:
        """As `visible`. Before GitLab 16.9 one by one, and of no more than some: the others are not for them then."""
        try:
            return self._among(project_ids, _LEVELS)
        except CredentialsError:
            raise
        except RefusedError:
            some = project_ids[:SINGLY]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="insiders") as pool:
            levels = pool.map(lambda one: self.role(one, user_id) or 0, some)
            return frozenset(one for one, level in zip(some, levels, strict=True) if level >= REPORTER)

    def _among(self, project_ids: Sequence[int], fields: str) -> frozenset[int]:
        portions = _parts(project_ids, AT_ONCE)
        if len(portions) <= 1:
            return frozenset().union(*(self._seen(one, fields) for one in portions))
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="visible") as pool:
            return frozenset().union(*pool.map(lambda one: self._seen(one, fields), portions))

    def _seen(self, some: Sequence[int], fields: str) -> frozenset[int]:
        """Those of a thousand; asked for by the hundred where that is too much at once for GitLab."""
        pages = _parts(some, PAGE)
        try:
            return self._asked(pages, fields)
        except (RefusedError, TransientError) as error:
            if hopeless(error) or len(pages) == 1:
                raise
        return frozenset().union(*(self._asked([page], fields) for page in pages))

    def _asked(self, pages: Sequence[Sequence[int]], fields: str) -> frozenset[int]:
        data = self._api.graphql(
            _query(len(pages), fields),
            {f"ids{number}": [f"{_PROJECT}{one}" for one in page] for number, page in enumerate(pages)},
        )
        return frozenset(self._api.read(_ids, data)) & frozenset(chain.from_iterable(pages))

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


@cache
def _query(pages: int, fields: str) -> str:
    """The query for so many pages. What GitLab does not show to the one who asks is not among the nodes."""
    words = ", ".join(f"$ids{number}: [ID!]" for number in range(pages))
    asked = " ".join(
        f"page{number}: projects(ids: $ids{number}, first: {PAGE}) {{ nodes {{ {fields} }} }}"
        for number in range(pages)
    )
    return f"query({words}) {{ {asked} }}"


def _ids(data: Json) -> set[int]:
    """Those of the nodes; where access levels were asked for, of those in which they are high enough."""
    nodes = chain.from_iterable(page["nodes"] for page in data.values())
    return {int(str(node["id"]).removeprefix(_PROJECT)) for node in nodes if _inside(node)}


def _inside(node: Json) -> bool:
    return "maxAccessLevel" not in node or int(node["maxAccessLevel"]["integerValue"] or 0) >= REPORTER


def _parts(ids: Sequence[int], most: int) -> list[Sequence[int]]:
    return [ids[start : start + most] for start in range(0, len(ids), most)]
