"""Trees of commits as archives. Source: lib/api/repositories.rb, doc/api/repositories.md, "Get file archive"."""

from __future__ import annotations

from pathlib import Path

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.downloads import Downloads

MOST_ARCHIVE = 1024**3  # bytes, packed; a repository of more holds what no distribution should


class GitLabArchives:
    """See bot.ports.builder.Archives."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._downloads = Downloads(api, scratch)

    def archive(self, project_id: int, sha: str) -> Path | None:
        """The tree as git-archive packs it, under one top folder."""
        path = f"/projects/{project_id}/repository/archive.tar.gz"
        return self._downloads.fetch(path, suffix=".tar.gz", most=MOST_ARCHIVE, sha=sha)
