"""GitLab Releases and their links.

Source: lib/api/releases.rb, lib/api/release/links.rb, app/models/releases/link.rb.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import GitLabRelease, ReleaseLink


class GitLabReleases:
    """See bot.ports.gitlab.Releases."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def release(self, project_id: int, tag: str) -> GitLabRelease | None:
        """The Release of a tag, or None."""
        row = self._api.get(f"/projects/{project_id}/releases/{quote(tag, safe='')}")
        return None if row is None else self._release(row)

    def create(
        self, project_id: int, *, tag: str, name: str, description: str, links: Sequence[ReleaseLink]
    ) -> GitLabRelease:
        """Create it for an existing tag; 409 means that somebody was quicker."""
        body = {
            "tag_name": tag,
            "name": name,
            "description": description,
            "assets": {"links": [{"name": link.name, "url": link.url, "link_type": "package"} for link in links]},
        }
        try:
            return self._release(self._api.send("post", f"/projects/{project_id}/releases", body))
        except RefusedError as error:
            there = self.release(project_id, tag) if error.status == 409 else None
            if there is None:
                raise
            return there

    def describe(self, project_id: int, tag: str, description: str) -> None:
        """Replace the description."""
        path = f"/projects/{project_id}/releases/{quote(tag, safe='')}"
        self._api.send("put", path, {"description": description})

    def link(self, project_id: int, tag: str, link: ReleaseLink) -> None:
        """Add one asset link of type package."""
        path = f"/projects/{project_id}/releases/{quote(tag, safe='')}/assets/links"
        self._api.send("post", path, {"name": link.name, "url": link.url, "link_type": "package"})

    def _release(self, row: Json) -> GitLabRelease:
        links = (row.get("assets") or {}).get("links") or ()
        return GitLabRelease(
            tag=str(row["tag_name"]),
            name=str(row.get("name") or ""),
            description=str(row.get("description") or ""),
            links=tuple(ReleaseLink(name=str(link["name"]), url=str(link["url"])) for link in links),
            web_url=str((row.get("_links") or {}).get("self") or ""),
        )
