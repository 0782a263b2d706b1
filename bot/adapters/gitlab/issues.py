"""Issues of one project. Source: lib/api/issues.rb."""

from __future__ import annotations

from collections.abc import Sequence

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.history import read_issue
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Issue


class GitLabIssues:
    """See bot.ports.gitlab.Issues."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def by(self, project_id: int, author_id: int) -> tuple[Issue, ...]:
        """All issues that a user wrote, oldest first."""
        path = f"/projects/{project_id}/issues"
        rows = self._api.pages(path, author_id=author_id, scope="all", order_by="created_at", sort="asc")
        return tuple(self._api.read(read_issue, row) for row in rows)

    def create(self, project_id: int, *, title: str, description: str, labels: Sequence[str]) -> None:
        """Open an issue. GitLab runs commands in a description: an answer without a number is refused."""
        path = f"/projects/{project_id}/issues"
        body = {"title": title, "description": description, **({"labels": ",".join(labels)} if labels else {})}
        row = self._api.send("post", path, body)
        if not isinstance(row, dict) or not isinstance(row.get("iid"), int):
            raise RefusedError(what=f"POST {path} was not answered with an issue", where=self._api.where)

    def update(self, project_id: int, iid: int, *, description: str, opened: bool | None) -> None:
        """Replace the description, and close or reopen it."""
        path = f"/projects/{project_id}/issues/{iid}"
        event = {} if opened is None else {"state_event": "reopen" if opened else "close"}
        row = self._api.send("put", path, {"description": description, **event})
        if not isinstance(row, dict) or row.get("iid") != iid:
            raise RefusedError(what=f"PUT {path} was not answered with that issue", where=self._api.where)
