"""Branches and merge requests of ours. Source: lib/api/{commits,branches,files,merge_requests,projects}.rb."""

from __future__ import annotations

from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.proposals import Head, NewCommit, Proposal, Words

USUAL_PATH = ".gitlab-ci.yml"
LINEAR = ("rebase_merge", "ff")


class GitLabProposals:
    """See bot.ports.proposals.Branches and Proposals."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ci_path(self, project_id: int) -> str:
        """`ci_config_path` is null or empty for the usual one, and hidden from those who may not see pipelines."""
        row = self._api.get(f"/projects/{project_id}")
        said = "" if row is None else self._api.read(lambda one: str(one.get("ci_config_path") or ""), row)
        return said or USUAL_PATH

    def linear(self, project_id: int) -> bool:
        """Whether `merge_method` is one of those that ask for a rebase; it is shown to whoever may see the project."""
        row = self._api.get(f"/projects/{project_id}")
        return row is not None and self._api.read(lambda one: str(one.get("merge_method") or ""), row) in LINEAR

    def head(self, project_id: int, branch: str) -> Head | None:
        """Where the branch stands, or None."""
        row = self._api.get(f"/projects/{project_id}/repository/branches/{quote(branch, safe='')}")
        return None if row is None else self._api.read(lambda one: _commit(one["commit"]), row)

    def commit(self, project_id: int, commit: NewCommit) -> None:
        """A new branch begins at its parent, or GitLab refuses; an old one is guarded file by file."""
        body: dict[str, Json] = {
            "branch": commit.branch,
            "commit_message": commit.message,
            "actions": [self._action(project_id, commit, path, text) for path, text in commit.files.items()],
        }
        if commit.new or commit.reset:
            body["start_sha"] = commit.parent
        if commit.reset:
            body["force"] = True
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

    def at(self, project_id: int, sha: str) -> Head | None:
        """A commit, or None."""
        row = self._api.get(f"/projects/{project_id}/repository/commits/{quote(sha, safe='')}")
        return None if row is None else self._api.read(_commit, row)

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

    def update(self, project_id: int, iid: int, words: Words) -> None:
        """Give one that title and description."""
        body: dict[str, Json] = {"title": words.title, "description": words.description}
        self._api.send("put", f"/projects/{project_id}/merge_requests/{iid}", body)


def _commit(row: Json) -> Head:
    parents = tuple(map(str, row.get("parent_ids") or ()))
    return Head(sha=str(row["id"]), message=str(row.get("message") or ""), parents=parents)


def _proposal(row: Json) -> Proposal:
    """A merge leaves a commit of its own, or that of the squash, or (fast-forward) the branch's head in the target."""
    merged = str(row["state"]) == "merged"
    landed = row.get("merge_commit_sha") or row.get("squash_commit_sha") or row.get("sha")
    merger = row.get("merge_user") or row.get("merged_by") or {}
    return Proposal(
        iid=int(row["iid"]),
        state=str(row["state"]),
        author_id=int((row.get("author") or {}).get("id") or 0),
        target_branch=str(row["target_branch"]),
        description=str(row.get("description") or ""),
        web_url=str(row.get("web_url") or ""),
        title=str(row.get("title") or ""),
        sha=str(row.get("sha") or ""),
        landed=str(landed) if merged and landed else None,
        merged_by=int(merger["id"]) if merged and merger.get("id") else None,
    )
