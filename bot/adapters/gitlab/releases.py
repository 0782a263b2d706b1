"""GitLab Releases, their links and milestones.

Source: lib/api/releases.rb, lib/api/release/links.rb, app/models/releases/link.rb.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import GitLabRelease, ReleaseLink

TAKEN = (400, 409, 422)  # how a second link of one name or URL may be refused


class GitLabReleases:
    """See bot.ports.gitlab.Releases and Milestones."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def release(self, project_id: int, tag: str) -> GitLabRelease | None:
        """The Release of a tag, or None."""
        row = self._api.get(f"/projects/{project_id}/releases/{quote(tag, safe='')}")
        return None if row is None else self._api.read(_release, row)

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
            row = self._api.send("post", f"/projects/{project_id}/releases", body)
        except RefusedError as error:
            there = self.release(project_id, tag) if error.status == 409 else None
            if there is None:
                raise
            return there
        return self._api.read(_release, row)

    def describe(self, project_id: int, tag: str, description: str) -> None:
        """Replace the description."""
        path = f"/projects/{project_id}/releases/{quote(tag, safe='')}"
        self._api.send("put", path, {"description": description})

    def milestones(self, project_id: int, titles: Sequence[str]) -> tuple[str, ...]:
        """Which of the titles are milestones of the project itself; those of groups cannot be attached everywhere."""
        path = f"/projects/{project_id}/milestones"
        needles = [one for one in titles if not any(other != one and other in one for other in titles)]
        rows = (row for needle in needles for row in self._api.pages(path, search=needle))
        there = {self._api.read(lambda one: str(one["title"]), row) for row in rows}
        return tuple(title for title in titles if title in there)

    def attach(self, project_id: int, tag: str, titles: Sequence[str]) -> None:
        """Make exactly these the milestones of the GitLab Release."""
        path = f"/projects/{project_id}/releases/{quote(tag, safe='')}"
        self._api.send("put", path, {"milestones": list(titles)})

    def link(self, project_id: int, tag: str, link: ReleaseLink) -> None:
        """Add one asset link of type package; GitLab answers 400 if its name or URL is taken."""
        path = f"/projects/{project_id}/releases/{quote(tag, safe='')}/assets/links"
        body = {"name": link.name, "url": link.url, "link_type": "package"}
        try:
            self._api.send("post", path, body)
        except RefusedError as error:
            if error.status not in TAKEN:
                raise
            there = self._api.read(_numbered, self._api.get(path.removesuffix("/assets/links")) or {})
            if any(one.url == link.url for one in there.values()):
                return
            number = next((number for number, one in there.items() if one.name == link.name), None)
            if number is None:
                raise
            self._api.send("put", f"{path}/{number}", body)


def _numbered(row: Json) -> dict[int, ReleaseLink]:
    links = (row.get("assets") or {}).get("links") or ()
    return {int(link["id"]): ReleaseLink(name=str(link["name"]), url=str(link["url"])) for link in links}


def _release(row: Json) -> GitLabRelease:
    return GitLabRelease(
        tag=str(row["tag_name"]),
        name=str(row.get("name") or ""),
        description=str(row.get("description") or ""),
        links=tuple(_numbered(row).values()),
        web_url=str((row.get("_links") or {}).get("self") or ""),
        released_at=parse_time(row.get("released_at")),
        milestones=tuple(str(one["title"]) for one in row.get("milestones") or ()),
    )
