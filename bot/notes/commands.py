"""Reading commands out of notes: lines that begin with `/ropewalk`, where GitLab would see a command and nowhere else.

GitLab takes for a quick action what begins a line of a paragraph at top level; code, quotes, lists, tables and HTML are
inert, and so they are here. Where GitLab's own Markdown goes beyond the common one (`>>>`, `$$`, front matter), and
where HTML may put a frame around what follows it, nothing is read: to miss a command costs a person a second note.

Source: lib/gitlab/quick_actions/extractor.rb, lib/banzai/filter/quick_action_filter.rb; CommonMark 0.31.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain.commands import WORD, Spoken, Unknown, Verb

MOST_COMMANDS = 3  # of one note
MOST_BODY = 100_000  # characters: a longer note is no command
MOST_LINE = 1_000
_LIKENESS = 0.6

_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_LINE = re.compile(rf"{re.escape(WORD)}(?=[ \t]|$)")
# Characters for private use: they mark the lines in question for the parser, to which they are mere text.
_BEGIN, _END = "\ue000", "\ue001"
_RESERVED = re.compile(f"[\0{_BEGIN}{_END}]")
_MARK = re.compile(rf"{_BEGIN}(\d+){_END}")
_FENCED = re.compile(r" {0,3}(?:>{3,}|\${2,})")  # opens what only GitLab's Markdown knows
_FRONT = ("---", "+++", ";;;")
_HARMLESS = re.compile(r"<br ?/?>|<img [^<>]*>", re.IGNORECASE)


def read_commands(body: str) -> tuple[Spoken | Unknown, ...]:
    """The commands of a note, in their order; empty if it has none. At most three: what follows them is left."""
    if WORD not in body or len(body) > MOST_BODY:
        return ()
    lines = _RESERVED.sub("\ufffd", body.replace("\r", "")).split("\n")
    candidates = [number for number in _plain_lines(lines) if _LINE.match(lines[number])]
    if not candidates:
        return ()
    marked = list(lines)
    for number in candidates:
        marked[number] = f"{_BEGIN}{number}{_END}{lines[number]}"
    found = list(dict.fromkeys(_standing(_PARSER.parse("\n".join(marked)))))
    return tuple(_read(lines[number]) for number in found[:MOST_COMMANDS])


def _plain_lines(lines: list[str]) -> Iterator[int]:
    """Lines before anything that only GitLab's Markdown would see as a block."""
    if lines[0].rstrip() in _FRONT:
        return
    for number, line in enumerate(lines):
        if _FENCED.match(line):
            return
        yield number


def _standing(tokens: list[Token]) -> Iterator[int]:
    """Numbers of marked lines that begin a line of a top-level paragraph, up to the first HTML that may frame more."""
    inside = False
    for token in tokens:
        if token.type == "html_block" and not _HARMLESS.fullmatch(token.content.strip()):
            return
        if token.type == "paragraph_open":
            inside = token.level == 0
        elif token.type == "paragraph_close":
            inside = False
        elif token.type == "inline":
            framed = any(_frames(child) for child in token.children or ())
            if inside and not framed:
                yield from _beginnings(token.children or [])
            elif framed:
                return


def _frames(child: Token) -> bool:
    return child.type == "html_inline" and not _HARMLESS.fullmatch(child.content.strip())


def _beginnings(children: list[Token]) -> Iterator[int]:
    """Marked text right at the beginning of a line; within a code span, a link or emphasis it is none."""
    fresh = True
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            fresh = child.level == 0
            continue
        mark = _MARK.match(child.content) if fresh and child.type == "text" and child.level == 0 else None
        if mark is not None:
            yield int(mark[1])
        fresh = False


def _read(line: str) -> Spoken | Unknown:
    words = line[len(WORD) : MOST_LINE].split()
    if not words:
        return Unknown("")
    said = words[0].lower()
    known = {verb.value: verb for verb in Verb}
    if said in known:
        return Spoken(known[said], tuple(words[1:]))
    near = get_close_matches(said[:40], known, n=1, cutoff=_LIKENESS)
    return Unknown(words[0], known[near[0]] if near else None)
