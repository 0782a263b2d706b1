"""Making tags. Source: lib/api/tags.rb."""

from __future__ import annotations

from bot.adapters.gitlab.client import Api


class GitLabTagging:
    """See bot.ports.tagging.Tagging."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, project_id: int, *, name: str, sha: str, message: str) -> None:
        """GitLab answers 400 for a name that is taken, and for a protected one that our role may not create."""
        body = {"tag_name": name, "ref": sha, "message": message}
        self._api.send("post", f"/projects/{project_id}/repository/tags", body)
