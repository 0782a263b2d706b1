"""Who people are, and who made what is released.

GitLab's API shows no tagger: who pushed a tag is told by the user of the pipeline that the push started, and by the
project's events, which know a push of up to three refs.
Source: lib/api/ci/pipelines.rb, lib/api/events.rb, lib/api/commits.rb, lib/api/users.rb.
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import islice
from urllib.parse import quote

from bot.adapters.gitlab.account import role
from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import PER_PAGE, Api, Json
from bot.domain.consents import Approver, Author
from bot.domain.errors import RefusedError

MOST_PIPELINES = 5
MOST_EVENTS = 2_000
BY_HAND = ("web", "api", "trigger")
DAY = timedelta(days=1)
# The address that GitLab gives commits of people who hide theirs. Source: lib/gitlab/private_commit_email.rb.
_PRIVATE = re.compile(r"(\d+)-[^@]*@users\.noreply\..+", re.IGNORECASE)


class GitLabPeople:
    """See bot.ports.gitlab.People."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The highest of direct, inherited and invited membership."""
        return role(self._api, user_id, place, group=group)

    def authors(self, project_id: int, *, ref: str, sha: str, tag: bool) -> tuple[Author, ...]:
        """Pusher, author, committer, and who wrote the merge requests of the commit."""
        commit = self._api.get(f"/projects/{project_id}/repository/commits/{quote(sha, safe='')}")
        if commit is None:
            raise RefusedError(what=f"there is no commit {sha[:8]} any more", where=self._api.where)
        found = list(self._api.read(_of_commit, commit))
        for row in self._api.pages(f"/projects/{project_id}/repository/commits/{quote(sha, safe='')}/merge_requests"):
            found += self._api.read(_of_merge_request, row)
        kind = "tag" if tag else "branch"
        found += self._pushers(project_id, ref, sha, kind, self._api.read(_moment, commit))
        return tuple(dict.fromkeys(found))

    def _pushers(self, project_id: int, ref: str, sha: str, kind: str, since: str) -> list[Author]:
        """By the pipeline of the push; without one by the events, and with neither whoever started a pipeline."""
        rows = self._api.pages(f"/projects/{project_id}/pipelines", sha=sha, ref=ref, order_by="id", sort="asc")
        ours = list(islice(rows, PER_PAGE))
        pushed = [row for row in ours if row.get("source") == "push"]
        if pushed:
            users = self._users(project_id, pushed[:MOST_PIPELINES])
            return [Author(what=f"pushed {kind} {ref}", user_id=user) for user in users]
        events = self._api.pages(f"/projects/{project_id}/events", action="pushed", after=since)
        authors = [
            author
            for row in islice(events, MOST_EVENTS)
            if (author := self._api.read(lambda event: _pusher(event, ref, kind), row)) is not None
        ]
        if authors:
            return [Author(what=f"pushed {kind} {ref}", user_id=author) for author in authors]
        by_hand = [row for row in ours if row.get("source") in BY_HAND]
        users = self._users(project_id, by_hand[:MOST_PIPELINES])
        return [Author(what=f"started the pipeline of {kind} {ref}", user_id=user) for user in users]

    def _users(self, project_id: int, pipelines: list[Json]) -> list[int]:
        found = []
        for row in pipelines:
            number = self._api.read(lambda one: int(one["id"]), row)
            whole = self._api.get(f"/projects/{project_id}/pipelines/{number}")
            user = None if whole is None else self._api.read(lambda one: (one.get("user") or {}).get("id"), whole)
            if user is not None:
                found.append(int(user))
        return found


def approver(api: Api) -> Approver:
    """The person behind a token, with all e-mail addresses that it may read; the level is for others to fill in.

    Raises: CredentialsError, TransientError, RefusedError.
    """
    user = api.get("/user")
    if not isinstance(user, dict) or not isinstance(user.get("id"), int):
        raise RefusedError(what="there is no /user behind the token", where=api.where)
    emails = {user.get(key) for key in ("email", "commit_email", "public_email")}
    try:
        rows = api.get("/user/emails")
    except RefusedError:  # the token's scope does not show the others
        rows = None
    emails |= {row.get("email") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
    return Approver(
        user_id=user["id"],
        username=str(user.get("username", "")),
        level=None,
        emails=frozenset(email.lower() for email in emails if isinstance(email, str) and email),
        robot=bool(user.get("bot", False)),
    )


def _of_commit(commit: Json) -> list[Author]:
    short = str(commit["id"])[:8]
    said = [("author", commit.get("author_email")), ("committer", commit.get("committer_email"))]
    return [_by_address(f"is {role} of commit {short}", str(email)) for role, email in said if email]


def _by_address(what: str, email: str) -> Author:
    private = _PRIVATE.fullmatch(email)
    return Author(what=what, user_id=int(private[1]) if private else None, email=email)


def _of_merge_request(row: Json) -> list[Author]:
    author = (row.get("author") or {}).get("id")
    return [] if author is None else [Author(what=f"wrote !{int(row['iid'])}", user_id=int(author))]


def _moment(commit: Json) -> str:
    """A day before the commit was made: its tag was pushed since. `after` means later than the end of that day."""
    made = parse_time(commit.get("committed_date") or commit.get("created_at"))
    return "1970-01-01" if made is None else (made - 2 * DAY).date().isoformat()


def _pusher(event: Json, ref: str, kind: str) -> int | None:
    """Who pushed that ref, if it was not to delete it."""
    data = event.get("push_data") or {}
    same = (data.get("ref"), data.get("ref_type")) == (ref, kind) and data.get("action") != "removed"
    author = event.get("author_id")
    return int(author) if same and author is not None else None
