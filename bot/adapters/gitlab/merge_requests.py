"""Open merge requests. Source: lib/api/merge_requests.rb, lib/api/entities/merge_request_basic.rb."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.adapters.gitlab.history import MESSAGE_LIMIT
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Commit
from bot.domain.merge_requests import DiffRefs, MergeRequestPlaces, OpenMergeRequest

MOST_COMMITS = 200


class GitLabMergeRequests:
    """See bot.ports.merge_requests.MergeRequests."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def open_since(self, places: MergeRequestPlaces, moment: datetime) -> Iterator[OpenMergeRequest]:
        """`updated_at` moves with every push to the source branch, and with notes, too."""
        if places.everything:
            yield from self._listed("/merge_requests", moment)
        for kind, paths in (("groups", places.groups), ("projects", places.projects)):
            for path in paths:
                yield from self._listed(f"/{kind}/{quote(path, safe='')}/merge_requests", moment)

    def _listed(self, path: str, moment: datetime) -> Iterator[OpenMergeRequest]:
        rows = self._api.pages(
            path,
            state="opened",
            scope="all",
            order_by="updated_at",
            sort="asc",
            updated_after=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        try:
            for row in rows:
                yield self._api.read(_request, row)
        except RefusedError as error:
            if error.status != 404:
                raise

    def refs(self, project_id: int, iid: int) -> DiffRefs | None:
        """`diff_refs` is null until GitLab has prepared the merge request."""
        row = self._api.get(f"/projects/{project_id}/merge_requests/{iid}")
        return None if row is None else self._api.read(_refs, row)

    def commits(self, project_id: int, iid: int) -> tuple[Commit, ...]:
        """A hundred a request; of a huge one the first will do."""
        rows = islice(self._api.pages(f"/projects/{project_id}/merge_requests/{iid}/commits"), MOST_COMMITS)
        return tuple(self._api.read(_commit, row) for row in rows)


def _request(row: Json) -> OpenMergeRequest:
    return OpenMergeRequest(
        project_id=int(row["project_id"]),
        project=str((row.get("references") or {}).get("full", "")).rpartition("!")[0],
        iid=int(row["iid"]),
        sha=str(row.get("sha") or ""),
        target_branch=str(row["target_branch"]),
        title=str(row.get("title") or ""),
        web_url=str(row.get("web_url") or ""),
        updated_at=parse_time(row.get("updated_at")),
        labels=tuple(map(str, row.get("labels") or ())),
        author=str((row.get("author") or {}).get("username") or ""),
        squash=bool(row.get("squash_on_merge", row.get("squash", False))),
    )


def _commit(row: Json) -> Commit:
    return Commit(
        sha=str(row["id"]),
        message=str(row.get("message") or row.get("title") or "")[:MESSAGE_LIMIT],
        author=str(row.get("author_name") or ""),
        web_url=str(row.get("web_url") or ""),
        merge=len(row.get("parent_ids") or ()) > 1,
    )


def _refs(row: Json) -> DiffRefs | None:
    refs = row.get("diff_refs") or {}
    base, head = refs.get("base_sha"), refs.get("head_sha")
    return DiffRefs(base=str(base), head=str(head)) if base and head else None
