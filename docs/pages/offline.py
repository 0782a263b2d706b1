"""Refuse a built site that would fetch anything from elsewhere, links aside: `python pages/offline.py FOLDER`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ELSEWHERE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:[a-z][a-z0-9+.-]*:)?//[^"')\s;]+)""", re.IGNORECASE)
FETCHING = {"src", "srcset", "poster", "data", "background", "xlink:href"}
HARMLESS = {"canonical", "alternate", "author", "license", "next", "prev", "search", "index"}  # what is not fetched


class Page(HTMLParser):
    """What a page fetches by itself from elsewhere, in `found`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        fetched = [given[name] for name in FETCHING & given.keys()]
        if tag == "link" and not set(given.get("rel", "").lower().split()) & HARMLESS:
            fetched.append(given.get("href", ""))
        if tag in ("image", "use"):
            fetched.append(given.get("href", ""))
        self.found += [f"{tag} {one}" for one in fetched if ELSEWHERE.match(one)]
        self.found += [f"style {one}" for one in IN_STYLE.findall(given.get("style", ""))]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.found += [f"style {one}" for one in IN_STYLE.findall(data)]


def fetched(name: str, text: str) -> list[str]:
    """What a file of that name fetches from elsewhere."""
    if name.endswith(".css"):
        return [f"style {one}" for one in IN_STYLE.findall(text)]
    page = Page()
    page.feed(text)
    page.close()
    return page.found


def look(folder: Path) -> Iterator[str]:
    """One line for each thing that a site in that folder fetches from elsewhere."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".svg"):
            for one in fetched(path.name, path.read_text("utf-8")):
                yield f"{path.relative_to(folder)}: {one}"


if __name__ == "__main__":
    faults = list(look(Path(sys.argv[1])))
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    sys.exit(1 if faults else 0)
