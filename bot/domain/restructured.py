"""The reStructuredText that changelogs are written in, as Markdown: headings, links, roles, code blocks, lists.

Only what towncrier and people use in a changelog is known; the rest stays as it is written. What comes out is foreign
still, and is parsed and written anew like any Markdown.

Source: docutils, docs/ref/rst/restructuredtext.rst.
"""

from __future__ import annotations

import re

LONGEST_LINE = 2_000  # characters; what is sought for in a line takes time that grows faster than it does
# A title's underline may be any of these; which level it stands for is said by the order in which they first come.
_ADORNMENT = re.compile(r"(?P<mark>[!-/:-@\[-`{-~])(?P=mark){2,}\s*")
_LINK = re.compile(r"`(?P<words>[^`<>]+?)\s*<(?P<address>[^`<>\s]+)>`__?")
_ROLE = re.compile(r"(?<![\w`:]):[a-z][\w.+:-]*:`(?P<words>[^`]+)`")
_NAMED = re.compile(r"(?<![`\w])`(?P<words>[^`<>]+)`__?(?!\w)")
_CODE = re.compile(r"``[^`]+``")
_DIRECTIVE = re.compile(r"(?P<indent>\s*)\.\. (?P<name>[\w-]+)::.*")
_COMMENT = re.compile(r"\s*\.\.(?:\s.*)?")
_CODE_BLOCKS = ("code", "code-block", "sourcecode")
_NUMBERED = re.compile(r"^(?P<indent>\s*)#\. ")


def as_markdown(text: str) -> str:
    """The text with what is particular to reStructuredText written as Markdown. Line ends are `\\n`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    made: list[str] = []
    levels: dict[str, int] = {}
    at = 0
    while at < len(lines):
        title, used = _title(lines, at)
        if title is not None:
            over, mark = title
            level = levels.setdefault(over + mark, len(levels) + 1)
            words = lines[at + (1 if over else 0)].strip()
            made += ["", f"{'#' * min(level, 6)} {_inline(words)}", ""]
            at += used
        elif (directive := _DIRECTIVE.fullmatch(lines[at])) is not None or _COMMENT.fullmatch(lines[at]):
            name = "" if directive is None else directive["name"]
            at = _skipped(lines, at, made, name)
        else:
            made.append(_NUMBERED.sub(r"\g<indent>1. ", _inline(lines[at])))
            at += 1
    return "\n".join(made)


def _title(lines: list[str], at: int) -> tuple[tuple[str, str] | None, int]:
    """Whether a title begins here: its over- and underline marks, and how many lines it takes."""
    first, second, third = (*lines[at : at + 3], "", "", "")[:3]
    over, under = _ADORNMENT.fullmatch(first), _ADORNMENT.fullmatch(second)
    if over is not None and second.strip() and first.strip() == third.strip() and under is None:
        return (over["mark"], over["mark"]), 3
    if under is not None and first.strip() and over is None and not first[0].isspace():
        return ("", under["mark"]), 2
    return None, 0


def _skipped(lines: list[str], at: int, made: list[str], name: str) -> int:
    """Past a comment or a directive; the content of a code block is kept as one."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    if name in _CODE_BLOCKS:
        body = [line for line in lines[at + 1 : end] if not re.fullmatch(r"\s*:[\w-]+:.*", line)]
        fence = " " * indent + "~~~~"
        made += ["", fence, *body, fence, ""]
    elif any(not line.strip() for line in lines[at:end]):
        made.append("")
    return end


def _inline(line: str) -> str:
    """Links and roles of a line; what stands in double backquotes is code in both. An endless line stays as it is."""
    if len(line) > LONGEST_LINE:
        return line
    pieces: list[str] = []
    end = 0
    for code in _CODE.finditer(line):
        pieces += [_unquoted(line[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*pieces, _unquoted(line[end:])])


def _unquoted(text: str) -> str:
    text = _LINK.sub(lambda found: f"[{found['words']}](<{found['address']}>)", text)
    text = _ROLE.sub(r"`\g<words>`", text)
    return _NAMED.sub(lambda found: found["words"] if found[0].endswith("_") else found[0], text)
