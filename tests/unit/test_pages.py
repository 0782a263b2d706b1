"""What of docs/ follows from the code is as the code makes it, says something everywhere, and is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.domain.verdicts import Verdict
from bot.release.judge import GATES
from bot.settings import schema
from bot.settings.values import parse_duration, parse_size, spell_duration, spell_size
from docs.pages.all import PAGES, ROOT
from docs.pages.house import TOLD, floors
from docs.pages.offline import fetched, look

DOCS = ROOT / "docs"
LISTED = re.compile(r"\]\(([^)#:]+\.md)\)")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_what_the_code_makes(path: str) -> None:
    """Word for word; `make pages` writes them anew."""
    assert (ROOT / path).read_text("utf-8") == PAGES[path]()


@pytest.mark.parametrize("path", ["docs/reference/command-line.md", "docs/reference/configuration.md"])
def test_nothing_is_listed_without_a_word_of_what_it_is(path: str) -> None:
    rows = [line for line in (ROOT / path).read_text("utf-8").splitlines() if re.match(r"\| `", line)]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []


def test_defaults_in_the_schema_are_written_as_their_own_pattern_asks() -> None:
    def defaults(node: object) -> list[tuple[str, str]]:
        if isinstance(node, list):
            return [found for one in node for found in defaults(one)]
        if not isinstance(node, dict):
            return []
        own = [(str(node["pattern"]), str(node["default"]))] if {"pattern", "default"} <= node.keys() else []
        return own + [found for one in node.values() for found in defaults(one)]

    found = defaults(schema())
    assert len(found) >= 6
    assert [(pattern, text) for pattern, text in found if not re.search(pattern, text)] == []


@pytest.mark.parametrize("text", ["1s", "1m", "1h30m", "2d", "1d2h3m4s", "14d"])
def test_a_duration_is_spelled_as_it_is_read(text: str) -> None:
    assert spell_duration(parse_duration(text)) == text


@pytest.mark.parametrize("text", ["512MiB", "2GiB", "1025MiB"])
def test_a_size_is_spelled_as_it_is_read(text: str) -> None:
    assert spell_size(parse_size(text)) == text


def test_every_gate_has_its_row_and_none_is_told_that_is_not_there() -> None:
    """In the order in which they are judged, in both tables."""
    for page in ("gates.md", "concepts.md"):
        rows = re.findall(r"^\| `(\w+)` \|", (DOCS / page).read_text("utf-8"), re.MULTILINE)
        names = [gate.NAME for gate in GATES]
        assert [row for row in rows if row not in [verdict.value for verdict in Verdict]] == names, page


def test_every_room_of_the_house_is_drawn() -> None:
    rooms = [room for floor in floors() for room in floor]
    there = {one.stem for one in (ROOT / "bot").iterdir() if not one.name.startswith("__")}
    assert sorted(rooms) == sorted(TOLD) == sorted(there - {"py", "sandbox"})


def test_the_list_of_pages_is_whole() -> None:
    """So that the site, which takes its order from the lists, has every page."""
    lists = [DOCS / "index.md", DOCS / "rules/README.md", DOCS / "decisions/README.md"]
    listed = {(path.parent / name).resolve() for path in lists for name in LISTED.findall(path.read_text("utf-8"))}
    apart = {DOCS / "index.md", DOCS / "changelog.md", DOCS / "contributing.md"}
    assert {page for page in DOCS.rglob("*.md") if page not in apart} <= listed


FETCHED = [
    ("a.html", '<a href="https://example.com/">out</a><img src="_images/a.svg">', []),
    ("a.html", '<link rel="canonical" href="https://example.com/"><link rel="stylesheet" href="s.css">', []),
    ("a.html", '<script src="https://example.com/a.js"></script>', ["script https://example.com/a.js"]),
    ("a.html", '<link rel="stylesheet" href="//example.com/s.css">', ["link //example.com/s.css"]),
    ("a.html", '<img src="HTTP://example.com/a.png">', ["img HTTP://example.com/a.png"]),
    ("a.html", "<style>@import 'https://example.com/f.css'</style>", ["style https://example.com/f.css"]),
    ("a.html", '<p style="background: url(//example.com/b)">', ["style //example.com/b"]),
    ("a.css", "@font-face { src: url(https://example.com/f.woff2) }", ["style https://example.com/f.woff2"]),
    (
        "a.svg",
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="https://example.com/a"/></svg>',
        ["image https://example.com/a"],
    ),
]


@pytest.mark.parametrize(("name", "text", "found"), FETCHED)
def test_what_a_page_fetches_from_elsewhere_is_found(tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    assert fetched(name, text) == found
    (tmp_path / name).write_text(text)
    assert list(look(tmp_path)) == [f"{name}: {one}" for one in found]
