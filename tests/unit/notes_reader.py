"""A reader of finished texts as GitLab reads them, written from GitLab's rules and not from ours.

Quick actions: lines that start with `/` in top-level paragraphs. Mentions: `@name` in text that is not code. The
Markdown is parsed by markdown-it-py, which shares nothing with the code under test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_COMMAND = re.compile(r"^/[a-z_]+", re.IGNORECASE)
_MENTION = re.compile(r"@[\w.-]+")
_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """What GitLab would act on or show as more than words."""

    commands: tuple[str, ...]
    mentions: tuple[str, ...]
    images: int
    html: tuple[str, ...]
    links: tuple[str, ...]


def read(body: str) -> Alive:
    """Parse `body` after GitLab's own first step: carriage returns are dropped."""
    source = body.replace("\r", "")
    lines = source.split("\n")
    tokens = _PARSER.parse(source)
    inner = [child for token in tokens for child in token.children or ()]
    return Alive(
        commands=tuple(line for line in _top_level_lines(tokens, lines) if _COMMAND.match(line)),
        mentions=tuple(m for token in inner if token.type == "text" for m in _MENTION.findall(token.content)),
        images=sum(token.type == "image" for token in inner),
        html=tuple(t.content.strip() for t in [*tokens, *inner] if t.type in ("html_block", "html_inline")),
        links=tuple(str(token.attrs["href"]) for token in inner if token.type == "link_open"),
    )


def render(body: str) -> str:
    """`body` as HTML."""
    return str(_PARSER.render(body))


def _top_level_lines(tokens: list[Token], lines: list[str]) -> list[str]:
    found = []
    for token in tokens:
        if token.type == "paragraph_open" and token.level == 0 and token.map is not None:
            found.extend(lines[token.map[0] : token.map[1]])
    return found
