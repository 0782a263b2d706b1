"""The proof: what stands on the indexes, in GitLab and in its request log, seen without the bot's eyes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote, urldefrag, urljoin

import httpx
from packaging.utils import canonicalize_name

from bot.cli.story.stage import Scene

NOTE_MARK = "<!-- ropewalk: note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the world holds of one release. Files map name -> sha256 of the bytes that were downloaded just now."""

    registry: dict[str, str]
    index: dict[str, str]
    releases: int
    links: int
    notes: dict[int, int]
    note_text: str


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def look(scene: Scene, project: str, project_id: int, name: str, tag: str, iids: tuple[int, ...]) -> Seen:
    """Read everything back: files from both indexes, the GitLab Release, the notes on each merge request."""
    version, name = tag.removeprefix("v"), canonicalize_name(name)
    with scene.api("ada") as api:
        path = f"/projects/{quote(project, safe='')}"
        response = api.get(f"{path}/releases/{tag}")
        links = response.json()["assets"]["links"] if response.status_code == 200 else []
        notes: dict[int, int] = {}
        text = ""
        for iid in iids:
            bodies = [note["body"] for note in api.get(f"{path}/merge_requests/{iid}/notes").json()]
            ours = [body for body in bodies if NOTE_MARK in body]
            notes[iid] = len(ours)
            text = ours[0] if ours else text
        registry = f"{scene.gitlab}/api/v4/projects/{project_id}/packages/pypi/simple/{name}"
        return Seen(
            registry=_files(api, registry, version),
            index=_files(httpx.Client(trust_env=False), f"{scene.index_simple}{name}/", version),
            releases=int(response.status_code == 200),
            links=len(links),
            notes=notes,
            note_text=text,
        )


def writes(scene: Scene) -> Counter[tuple[str, str]]:
    """How often each (method, path) changed something on GitLab, by its own request log.

    Status 0 is an answer that was cut off after the effect: it changed something too.
    """
    with scene.control() as control:
        rows = control.get("/requests").json()
    return Counter(
        (row["method"], row["path"].partition("?")[0])
        for row in rows
        if row["method"] != "GET" and row["status"] in (0, 200, 201) and row["user"] == "ropewalk"
    )


def _files(client: httpx.Client, page: str, version: str) -> dict[str, str]:
    """Download what a simple page lists of a version, and hash it ourselves."""
    response = client.get(page)
    if response.status_code != 200:
        return {}
    parser = _Links()
    parser.feed(response.text)
    found: dict[str, str] = {}
    for href in parser.found:
        address, _ = urldefrag(urljoin(page, href))
        name = address.rsplit("/", 1)[-1]
        if re.search(rf"-{re.escape(version)}(-|\.tar\.gz)", name):
            content = client.get(address)
            content.raise_for_status()
            found[name] = hashlib.sha256(content.content).hexdigest()
    return found
