"""A changelog's section about one version.

Source: keepachangelog.com 1.1.0 (`## [1.1.0] - 2026-08-03`), and what others write: `## v1.1.0 (2026-08-03)`,
`1.1.0 / 2026-08-03` underlined, `# Release 1.1.0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt

from bot.domain.distributions import parse_version

# Characters of a changelog that are read; the newest section stands at its top.
MOST_TEXT = 1024 * 1024
MOST_LINKS = 500
_UNRELEASED = re.compile(r"\W*unreleased[\W\d]*(?:\([^()]*\)\W*)?", re.IGNORECASE)
_WORD = re.compile(r"[^\s\[\](){}<>:,;/`*_~|\u2013\u2014]+")


def section_of(text: str, version: str) -> str | None:
    """The Markdown below the heading of `version`, as written; None if there is no such heading, or nothing below it.

    Versions are compared as PEP 440 has them: a heading `1.1.0-rc.1` is that of `1.1.0rc1`. Link definitions that the
    section uses and the file's end gives are put below it.
    """
    return _section(text, lambda heading: _announces(heading, version))


def unreleased_of(text: str) -> str | None:
    """The Markdown below the heading `Unreleased`; None if there is no such heading, or nothing below it."""
    return _section(text, lambda heading: _UNRELEASED.fullmatch(heading) is not None)


def begun_section(text: str, heading: str, entry: str | None) -> str:
    """The text with `heading` above what stands under `Unreleased`, which is left empty; `entry` stands below it.

    Where there is no `Unreleased` it comes before the newest version: the first heading of the second level, else the
    end.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    headings = _headings("\n".join(lines), {})
    section = [heading, *([] if entry is None else ["", *entry.split("\n")])]
    for one in headings:
        if _UNRELEASED.fullmatch(one.words):
            return "\n".join([*lines[: one.end], "", *section, *lines[one.end :]])
    at = next((one.begin for one in headings if one.level == 2), None)
    if at is None:
        return "\n".join([text.replace("\r\n", "\n").rstrip("\n"), "", *section, ""])
    return "\n".join([*lines[:at], *section, "", *lines[at:]])


def _section(text: str, wanted: Callable[[str], bool]) -> str | None:
    lines = text[:MOST_TEXT].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")
    links: dict[str, dict[str, dict[str, str]]] = {}
    headings = _headings("\n".join(lines), links)
    mine = next((number for number, one in enumerate(headings) if wanted(one.words)), None)
    if mine is None:
        return None
    ends = (one.begin for one in headings[mine + 1 :] if one.level <= headings[mine].level)
    section = "\n".join(lines[headings[mine].end : next(ends, len(lines))]).strip("\n")
    if not re.search(r"\w", section):
        return None
    used = [
        f"[{label}]: <{found['href']}>"
        for label, found in links.get("references", {}).items()
        if f"[{label}]" in section.upper() and f"[{label}]:" not in section.upper()
    ]
    return "\n".join([section, *([""] if used else []), *used[:MOST_LINKS]])


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading at the top level: its lines (from 0, the end exclusive) and its words."""

    level: int
    begin: int
    end: int
    words: str


def _headings(text: str, links: dict[str, dict[str, dict[str, str]]]) -> list[_Heading]:
    """All headings in order; link definitions of the whole text are put into `links`."""
    tokens = MarkdownIt("commonmark").disable("inline").parse(text, links)
    return [
        _Heading(int(token.tag[1:]), token.map[0], token.map[1], tokens[number + 1].content)
        for number, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map is not None
    ]


def _announces(heading: str, version: str) -> bool:
    """Whether the first version among a heading's words is that one."""
    wanted = parse_version(version)
    for word in _WORD.findall(heading):
        found = parse_version(word)
        # A year alone is a version too, by the letter of PEP 440; a version of one number stands first, if anywhere.
        if found is not None and ("." in word or word == version):
            return found == wanted
    return False
