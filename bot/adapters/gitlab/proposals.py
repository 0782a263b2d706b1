"""Branches and merge requests of ours. Source: lib/api/{commits,branches,files,merge_requests,projects}.rb."""

from __future__ import annotations

from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.proposals import Head, NewCommit, Proposal, Words

USUAL_PATH = ".gitlab-ci.yml"


class GitLabProposals:
    """See bot.ports.proposals.Branches and Proposals."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ci_path(self, project_id: int) -> str:
        """`ci_config_path` is null or empty for the usual one, and hidden from those who may not see pipelines."""
        row = self._api.get(f"/projects/{project_id}")
        said = "" if row is None else self._api.read(lambda one: str(one.get("ci_config_path") or ""), row)
        return said or USUAL_PATH

    def head(self, project_id: int, branch: str) -> Head | None:
        """Where the branch stands, or None."""
        row = self._api.get(f"/projects/{project_id}/repository/branches/{quote(branch, safe='')}")
        return None if row is None else self._api.read(_head, row)

    def commit(self, project_id: int, commit: NewCommit) -> None:
        """A new branch begins at its parent, or GitLab refuses; an old one is guarded file by file."""
        body: dict[str, Json] = {
            "branch": commit.branch,
            "commit_message": commit.message,
            "actions": [self._action(project_id, commit, path, text) for path, text in commit.files.items()],
        }
        if commit.new:
            body["start_sha"] = commit.parent
        self._api.send("post", f"/projects/{project_id}/repository/commits", body)

    def _action(self, project_id: int, commit: NewCommit, path: str, text: str) -> dict[str, Json]:
        action: dict[str, Json] = {"action": "create", "file_path": path, "content": text}
        if path in commit.known:
            row = self._api.get(f"/projects/{project_id}/repository/files/{quote(path, safe='')}", ref=commit.parent)
            if row is None:
                raise RefusedError(what=f"{path} is gone from {commit.branch}", where=self._api.where)
            action |= {
                "action": "update",
                "last_commit_id": self._api.read(lambda one: str(one["last_commit_id"]), row),
            }
        return action

    def of_branch(self, project_id: int, branch: str) -> tuple[Proposal, ...]:
        """All of them, open or not, newest first."""
        path = f"/projects/{project_id}/merge_requests"
        rows = self._api.pages(path, source_branch=branch, state="all", order_by="created_at", sort="desc")
        return tuple(self._api.read(_proposal, row) for row in rows)

    def open(self, project_id: int, *, branch: str, target: str, words: Words) -> Proposal:
        """Open one; its branch goes when it is merged."""
        path = f"/projects/{project_id}/merge_requests"
        body = {
            "source_branch": branch,
            "target_branch": target,
            "title": words.title,
            "description": words.description,
            "remove_source_branch": True,
        }
        row = self._api.send("post", path, body)
        if not isinstance(row, dict) or not isinstance(row.get("iid"), int):
            raise RefusedError(what=f"POST {path} was not answered with a merge request", where=self._api.where)
        return self._api.read(_proposal, row)


def _head(row: Json) -> Head:
    return Head(sha=str(row["commit"]["id"]), message=str(row["commit"].get("message") or ""))


def _proposal(row: Json) -> Proposal:
    return Proposal(
        iid=int(row["iid"]),
        state=str(row["state"]),
        author_id=int((row.get("author") or {}).get("id") or 0),
        target_branch=str(row["target_branch"]),
        description=str(row.get("description") or ""),
        web_url=str(row.get("web_url") or ""),
    )
