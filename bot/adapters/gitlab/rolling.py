"""Issues of our own user. Source: lib/api/issues.rb."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.rolling import IssuePlace, RollingIssue
from bot.ports.rolling import IssueEvent


class GitLabRollingIssues:
    """See bot.ports.rolling.RollingIssues."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ours(self) -> Iterator[RollingIssue]:
        """One list for all projects; a hundred issues a request."""
        rows = self._api.pages("/issues", scope="created_by_me", state="all", order_by="created_at", sort="asc")
        return (self._api.read(_issue, row) for row in rows)

    def create(self, place: IssuePlace, *, title: str, description: str, confidential: bool) -> RollingIssue:
        """Open an issue. Like a note it must be answered with the thing itself."""
        path = f"/projects/{quote(str(place.project), safe='')}/issues"
        row = self._api.send("post", path, {"title": title, "description": description, "confidential": confidential})
        if not isinstance(row, dict) or not isinstance(row.get("iid"), int):
            raise RefusedError(what=f"POST {path} was not answered with an issue", where=self._api.where)
        return self._api.read(_issue, row)

    def update(self, issue: RollingIssue, description: str, event: IssueEvent | None = None) -> None:
        """Replace the description; close or reopen."""
        path = f"/projects/{issue.project_id}/issues/{issue.iid}"
        body: dict[str, Json] = {"description": description}
        if event is not None:
            body["state_event"] = event.value
        row = self._api.send("put", path, body)
        if not isinstance(row, dict) or row.get("iid") != issue.iid:
            raise RefusedError(what=f"PUT {path} was not answered with that issue", where=self._api.where)


def _issue(row: Json) -> RollingIssue:
    return RollingIssue(
        project_id=int(row["project_id"]),
        iid=int(row["iid"]),
        id=int(row["id"]),
        description=str(row.get("description") or ""),
        open=row["state"] == "opened",
        web_url=str(row.get("web_url") or ""),
    )
