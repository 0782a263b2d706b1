"""Foreign Markdown, parsed and written anew: headings, lists, tables, links, code and bold; plain words where
nothing in them could mean more to GitLab, code spans where it could.

No HTML, images, mentions, references, formulas or commands come out, and no more than one line a paragraph: what GitLab
reads of a line's beginning, we wrote.

Source: GitLab, lib/banzai/filter/references/*, lib/gitlab/quick_actions; CommonMark 0.31.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.notes.foreign import block, inline, link

# Characters that are read; a section of release notes is far shorter, and a parser's time grows with them.
Resolve = Callable[[str], str]
MOST_MARKDOWN = 200_000
HIGHEST_HEADING = 3
DEEPEST_LIST = 18  # blanks before a marker; items deeper than that stand beside their parents
WORD_LIMIT = 300
EMPTY_CELL = "\u00a0"

# Letters and digits of any script with the punctuation of prose: nothing that Markdown or a reference begins with.
_PLAIN = re.compile(r"[\w.,;:'\"()?/+=\u2010-\u2027\u20ac\u00a7\u00b7\u00ab\u00bb-]+")
_SPECIAL = re.compile(
    r"_"  # emphasis
    r"|://|\bwww\."  # addresses become links by themselves
    r"|:[\w+-]+:"  # emoji
    r"|(?<![0-9A-Za-z])(?=[a-f]*[0-9])[0-9a-f]{7,40}(?![0-9A-Za-z])"  # commits
    r"|[A-Z][A-Z0-9]+-[0-9]"  # issues of other trackers
    r"|--|\.\.\.|\+\+|=="  # typography, inline diffs, marked text
)
_AROUND = re.compile(r"(?P<before>[(\"']*)(?P<core>.*?)(?P<after>[.,;:)\"'!?]*)", re.DOTALL)
_LINE_START = re.compile(r"(?:[0-9]{1,9}[.)]|[-+=:]+|/.*)")


@cache
def _parser() -> MarkdownIt:
    """Made when the first text is read: it takes a tenth of a second, which most commands can do without."""
    return MarkdownIt("commonmark", {"maxNesting": 20}).enable("table")


@dataclass(slots=True)
class _Run:
    """The line under construction: pieces that are ours, and the foreign text since the last of them."""

    pieces: list[str] = field(default_factory=list)
    text: str = ""

    def piece(self, made: str) -> None:
        """Put something of ours after the text so far; code spans keep apart, and no `!` stands before a bracket."""
        self._words(last=False)
        if made.startswith("`") and self.pieces and self.pieces[-1].endswith("`"):
            self.pieces.append(" ")
        self.pieces.append(made)

    def end(self) -> str:
        """The finished line."""
        self._words(last=True)
        line = "".join(self.pieces).strip()
        return f"… {line}" if line.startswith("```") else line  # a fence would begin so

    def _words(self, *, last: bool) -> None:
        parts = [part for part in re.split(r"(\s+)", self.text) if part]
        self.text = ""
        for number, part in enumerate(parts):
            apart = number < len(parts) - 1 or last
            first = not any(piece.strip() for piece in self.pieces)
            made = " " if part.isspace() else _word(part, first=first, apart=apart)
            if made.startswith("`") and self.pieces and self.pieces[-1].endswith("`"):
                self.pieces.append(" ")
            self.pieces.append(made)


def words(text: str) -> str:
    """A short foreign or configured text as one line of prose; what could mean more is code."""
    run = _Run(text=" ".join(text.split()))
    return run.end()


def rewritten(text: str, resolve: Resolve = str) -> list[str]:
    """The blocks of `text`, each safe by itself: paragraphs and headings of one line, whole lists, fences.

    `resolve` turns a link's address, as it was written, into the one to link to.
    """
    return _blocks(_parser().parse(text[:MOST_MARKDOWN].replace("\0", "")), resolve)


def _blocks(tokens: Sequence[Token], resolve: Resolve) -> list[str]:
    blocks: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type in ("bullet_list_open", "ordered_list_open"):
            end = _closing(tokens, at)
            blocks.append("\n".join(_list(tokens[at : end + 1], "", resolve)))
            at = end
        elif token.type == "table_open":
            end = _closing(tokens, at)
            blocks.append("\n".join(_table(tokens[at : end + 1], resolve)))
            at = end
        elif token.type in ("fence", "code_block"):
            blocks.append(block(token.content))
        elif token.type == "inline":
            line = _line(token.children or [], resolve)
            opened = tokens[at - 1]
            if line and opened.type == "heading_open":
                line = f"{'#' * max(HIGHEST_HEADING, int(opened.tag[1:]))} {line}"
            blocks.append(line)
        at += 1
    return [made for made in blocks if made]


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Where what begins at `at` ends."""
    closes = tokens[at].type.replace("_open", "_close")
    return next(
        n for n in range(at + 1, len(tokens)) if (tokens[n].type, tokens[n].level) == (closes, tokens[at].level)
    )


def _list(tokens: Sequence[Token], indent: str, resolve: Resolve) -> list[str]:
    """The lines of a list; whatever stands in an item stands on its line, lists in it below it."""
    lines: list[str] = []
    marker = "1. " if tokens[0].type == "ordered_list_open" else "- "
    inner = indent + " " * len(marker) if len(indent) < DEEPEST_LIST else indent
    own: list[str] = []
    below: list[str] = []

    def put() -> None:
        if own or below:
            lines.append(f"{indent}{marker}{' '.join(own) or '…'}")
            lines.extend(below)
        own.clear()
        below.clear()

    at = 1
    while at < len(tokens) - 1:
        token = tokens[at]
        if token.type in ("bullet_list_open", "ordered_list_open"):
            end = _closing(tokens, at)
            below.extend(_list(tokens[at : end + 1], inner, resolve))
            at = end
        elif token.type == "list_item_open" and token.level == tokens[0].level + 1:
            put()
        elif token.type == "table_open":
            end = _closing(tokens, at)
            own.append("; ".join(", ".join(filter(None, row)) for row in _rows(tokens[at : end + 1], resolve)))
            at = end
        elif token.type in ("fence", "code_block"):
            own.append(inline(token.content))
        elif token.type == "inline" and (line := _line(token.children or [], resolve)):
            own.append(line)
        at += 1
    put()
    return lines


def _table(tokens: Sequence[Token], resolve: Resolve) -> list[str]:
    """The lines of a table. A `|` in a cell becomes `¦`, as in `bot.notes.foreign.cell`."""
    lines: list[str] = []
    for row in _rows(tokens, resolve):
        lines.append(f"| {' | '.join(cell or EMPTY_CELL for cell in row)} |")
        if len(lines) == 1:
            lines.append("|" + " --- |" * len(row))
    return lines


def _rows(tokens: Sequence[Token], resolve: Resolve) -> list[list[str]]:
    """Each row's cells: as many as the head has."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_line(token.children or [], resolve).replace("|", "¦"))
    return rows


def _line(children: Sequence[Token], resolve: Resolve) -> str:
    """The inline content of a block on one line."""
    run = _Run()
    at = 0
    while at < len(children):
        token = children[at]
        if token.type == "text":
            run.text += token.content
        elif token.type in ("softbreak", "hardbreak"):
            run.text += " "
        elif token.type == "code_inline":
            run.piece(inline(token.content, WORD_LIMIT))
        elif token.type == "image":
            run.text += token.content
        elif token.type == "link_open":
            end = next(n for n in range(at, len(children)) if children[n].type == "link_close")
            run.piece(_link(children[at + 1 : end], resolve(str(token.attrs.get("href", "")))))
            at = end
        elif token.type in ("strong_open", "strong_close"):
            run.piece("**")
        at += 1
    return run.end()


def _link(inside: Sequence[Token], address: str) -> str:
    said = [token for token in inside if token.type in ("text", "code_inline", "softbreak", "image")]
    label = " ".join(" ".join(token.content for token in said).split())
    return link(words(label) if label else inline(address, WORD_LIMIT), address)


def _word(word: str, *, first: bool, apart: bool) -> str:
    """A word as prose if it can mean nothing else, else as code with the punctuation around it left outside.

    `apart` says that a blank or the end follows.
    """
    if word == "&" and apart:
        return word
    shape = _AROUND.fullmatch(word)
    before, core, after = (shape["before"], shape["core"], shape["after"]) if shape else ("", word, "")
    if "!" in after and not apart:
        core, after = core + after, ""
    if _is_plain(before + core + after.replace("!", ".")) and not (first and _LINE_START.fullmatch(word)):
        return word
    if not core or (first and _LINE_START.fullmatch(before + "x")):
        return inline(word, WORD_LIMIT)
    return f"{before}{inline(core, WORD_LIMIT)}{after}"


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and _SPECIAL.search(text) is None
