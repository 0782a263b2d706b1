"""Projects of the organisation. Source: lib/api/projects.rb, lib/api/groups.rb."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.refs import Project


class GitLabProjects:
    """See bot.ports.gitlab.Projects."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def project(self, path_or_id: str | int) -> Project | None:
        """One project, or None if there is none that the token may see."""
        row = self._api.get(f"/projects/{quote(str(path_or_id), safe='')}")
        return None if row is None else self._api.read(_project, row)

    def active_since(self, moment: datetime | None, *, membership: bool) -> Iterator[Project]:
        """Keyset paging needs `order_by=id`; `last_activity_after` is exclusive and moves at most once an hour."""
        member: dict[str, str | bool] = {"membership": True} if membership else {}
        since: dict[str, str | bool] = (
            {} if moment is None else {"last_activity_after": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        )
        rows = self._api.pages(
            "/projects", archived=False, order_by="id", sort="asc", pagination="keyset", **(since | member)
        )
        return (self._api.read(_project, row) for row in rows)

    def of_group(self, full_path: str) -> Iterator[Project]:
        """Shared projects are another group's; they come in by default and are left out here."""
        rows = self._api.pages(
            f"/groups/{quote(full_path, safe='')}/projects",
            include_subgroups=True,
            with_shared=False,
            archived=False,
            order_by="id",
            sort="asc",
        )
        return (self._api.read(_project, row) for row in rows)


def _project(row: Json) -> Project:
    return Project(
        id=int(row["id"]),
        full_path=str(row["path_with_namespace"]),
        web_url=str(row.get("web_url", "")),
        default_branch=row.get("default_branch"),
        archived=bool(row.get("archived", False)),
        topics=tuple(map(str, row.get("topics") or ())),
        last_activity_at=parse_time(row.get("last_activity_at")),
    )
