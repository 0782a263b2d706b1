"""Tags, branches and files. Source: lib/api/{tags,branches,files,repositories}.rb, lib/gitlab/git/tag.rb."""

from __future__ import annotations

from itertools import islice
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.refs import Branch, Tag

MOST_TEXT = 1024 * 1024  # bytes
MOST_NAMES = 1_000


class GitLabRefs:
    """See bot.ports.gitlab.Refs and Contents."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def tag(self, project_id: int, name: str) -> Tag | None:
        """The tag as it is now, or None."""
        row = self._api.get(f"/projects/{project_id}/repository/tags/{quote(name, safe='')}")
        return None if row is None else self._api.read(_tag, row)

    def tags(self, project_id: int) -> tuple[Tag, ...]:
        """All tags of all pages, in GitLab's order."""
        rows = self._api.pages(f"/projects/{project_id}/repository/tags", order_by="updated", sort="desc")
        return tuple(self._api.read(_tag, row) for row in rows)

    def branch(self, project_id: int, name: str) -> Branch | None:
        """The branch as it is now, or None."""
        row = self._api.get(f"/projects/{project_id}/repository/branches/{quote(name, safe='')}")
        return None if row is None else self._api.read(_branch, row)

    def branches(self, project_id: int) -> tuple[Branch, ...]:
        """All branches of all pages."""
        rows = self._api.pages(f"/projects/{project_id}/repository/branches")
        return tuple(self._api.read(_branch, row) for row in rows)

    def contains(self, project_id: int, ref: str, sha: str) -> bool:
        """Compared from where the two parted, nothing is left in `sha` that `ref` does not have."""
        compared = self._api.get(f"/projects/{project_id}/repository/compare", **{"from": ref, "to": sha})
        return compared is not None and not self._api.read(lambda answer: list(answer["commits"]), compared)

    def containing(self, project_id: int, sha: str) -> tuple[str, ...]:
        """Names of the branches that contain the commit. Source: lib/api/commits.rb."""
        rows = self._api.pages(f"/projects/{project_id}/repository/commits/{quote(sha, safe='')}/refs", type="branch")
        return tuple(self._api.read(lambda one: str(one["name"]), row) for row in rows)

    def file(self, project_id: int, path: str, sha: str) -> str | None:
        """A text file at a commit; None if absent or beyond 1 MiB (no metadata file is)."""
        text = self._api.text(f"/projects/{project_id}/repository/files/{quote(path, safe='')}/raw", ref=sha)
        return None if text is None or len(text.encode()) > MOST_TEXT else text

    def names(self, project_id: int, folder: str, sha: str) -> tuple[str, ...]:
        """A hundred a request. A folder that is absent is a 404, and was empty before GitLab 17.7."""
        rows = self._api.pages(f"/projects/{project_id}/repository/tree", path=folder, ref=sha)
        try:
            return tuple(str(row["path"]) for row in islice(rows, MOST_NAMES) if row.get("type") == "blob")
        except RefusedError as error:
            if error.status != 404:
                raise
            return ()


def _branch(row: Json) -> Branch:
    commit = row["commit"]
    return Branch(
        name=str(row["name"]),
        sha=str(commit["id"]),
        protected=bool(row.get("protected", False)),
        committed_at=parse_time(commit.get("committed_date") or commit.get("created_at")),
    )


def _tag(row: Json) -> Tag:
    commit = row["commit"]
    return Tag(
        name=str(row["name"]),
        sha=str(commit["id"]),  # `target` is the tag object of an annotated tag
        target=str(row.get("target") or commit["id"]),
        protected=bool(row.get("protected", False)),
        message=str(row.get("message") or ""),
        created_at=parse_time(row.get("created_at")),
        committed_at=parse_time(commit.get("committed_date") or commit.get("created_at")),
    )
