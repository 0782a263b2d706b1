"""The way of all foreign text into what we post: titles, names, reasons, file names, answers of an index.

GitLab runs lines that start with `/` as commands with our rights and notifies whoever an `@name` reaches. So foreign
text stands only in code (spans or fences), and every finished body is checked once more before it leaves.

Source: GitLab, lib/gitlab/quick_actions/extractor.rb, lib/banzai/filter; CommonMark 0.31, 4.5 and 6.1.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, quote, urlsplit

from bot.domain.errors import RefusedError

EMPTY = "(empty)"
CUT = "…"
# Characters; a reason with two sha256 digests and two file names fits.
INLINE_LIMIT = 1_000
BLOCK_LIMIT = 4_000
URL_LIMIT = 2_000
# cmark-gfm and comrak (GitLab's parser) do not see a code span whose fence is longer than 80 backticks, so a longer run
# inside would leave the text bare. Far fewer than that are readable.
LONGEST_RUN = 8

_JOINERS = "\u200c\u200d"  # Persian and emoji need them, and they reorder nothing
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_RUNS = re.compile(r"`+")
_LONG_RUN = re.compile(rf"`{{{LONGEST_RUN + 1},}}")
_LINE_START_SLASH = re.compile(r"^([^\S\n]*)/", re.MULTILINE)
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")

_OWN_COMMENT = re.compile(r"<!-- ropewalk: [a-z0-9 .+!]+ -->")
_OWN_FOLD = re.compile(r"<details><summary>[^<>&@`$]+</summary>|</details>")
_OWN_FENCE = re.compile(r"`{3,}")
_ANY_FENCE = re.compile(r"\s*(?:```|~~~)")
_ALIVE = re.compile(r"(?P<mention>@)|(?P<image>!\[)|(?P<html><)|(?P<entity>&#?\w+;)|(?P<math>\$)")


def inline(text: str, limit: int = INLINE_LIMIT) -> str:
    """`text` as one code span on one line, at most `limit` characters of it, cut with `…`; `(empty)` if blank.

    Control, bidi and other unseen characters become visible escapes. Put something else than a backtick on both sides.
    """
    line = _cut(" ".join(_clean(text).split()), limit)
    if not line:
        return EMPTY
    fence = "`" * (_longest_run(line) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def cell(text: str, limit: int = INLINE_LIMIT) -> str:
    """`inline` for a table cell.

    A `|` becomes `¦`: parsers disagree on whether a pipe behind backslashes ends a cell, and one that does would break
    the code span open.
    """
    return inline(text.replace("|", "¦"), limit)


def block(text: str, limit: int = BLOCK_LIMIT) -> str:
    r"""`text` as a fenced block, line ends kept; `(empty)` if blank. Stands on lines of its own, at top level.

    A `/` that starts a line becomes `\/` even here, for GitLab versions that found fences by regular expression.
    """
    lines = _cut(_clean(text).strip("\n"), limit)
    if not lines.strip():
        return EMPTY
    fence = "`" * max(3, _longest_run(lines) + 1)
    escaped = _LINE_START_SLASH.sub(r"\1\\/", lines)
    return f"{fence}\n{escaped}\n{fence}"


def safe_url(text: str) -> str | None:
    """`text` as a link destination, or None if it is no http(s) URL of at most 2,000 characters.

    Credentials are dropped; whatever could end the destination, mention or be read as an entity is percent-encoded.
    """
    try:
        parts = urlsplit(text.replace("\0", "").strip())
        host = _host(parts)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:  # brackets, port or host that are none
        return None
    if parts.scheme not in ("http", "https") or host is None:
        return None
    path = _encode(parts.path, "/:=+,~%")
    query = f"?{_encode(parts.query, '/:=&+,~?%')}" if parts.query else ""
    fragment = f"#{_encode(parts.fragment, '/:=&+,~?%')}" if parts.fragment else ""
    address = f"{parts.scheme}://{host}{port}{path}{query}{fragment}"
    return address if len(address) <= URL_LIMIT else None


def link(label: str, address: str | None) -> str:
    """A Markdown link. `label` is ours or comes from `inline`; it stands alone where there is no safe address."""
    destination = None if address is None else safe_url(address)
    return label if destination is None else f"[{label}]({destination})"


def check_finished(body: str, where: str) -> str:
    """`body` itself, read once more as GitLab might: nothing but our own words may be alive in it.

    Stricter than GitLab: a line may not start with `/` even in code, and outside code there is no `@`, image, entity,
    formula, nor HTML other than our markers and folds.

    Raises: RefusedError if it is not so; nothing must be posted then.
    """
    problem = _problem(body)
    if problem is not None:
        raise RefusedError(what=f"a text we made is not safe: {problem}", where=where, remedy="It was not posted.")
    return body


def _problem(body: str) -> str | None:
    if "\0" in body or "\r" in body:
        return "it contains NUL or a carriage return"
    if any("\ud800" <= character <= "\udfff" for character in body):
        return "it contains half a character"
    lines = body.split("\n")
    fence = 0
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("/"):
            return f"line {number} could be taken for a quick action"
        if fence:
            fence = 0 if re.fullmatch(rf" {{0,3}}`{{{fence},}}\s*", line) else fence
        elif _OWN_FENCE.fullmatch(line):
            fence = len(line)
        elif _OWN_FOLD.fullmatch(line):
            # An HTML block lasts until a blank line, and code spans in it are none.
            if number < len(lines) and lines[number]:
                return f"line {number} is HTML and the next is not blank"
        elif not _OWN_COMMENT.fullmatch(line) and (problem := _problem_of(line)) is not None:
            return f"line {number} {problem}"
    return "a fence is not closed" if fence else None


def _problem_of(line: str) -> str | None:
    if _ANY_FENCE.match(line):
        return "could open a fence"
    prose = _outside_code(line)
    if prose is None:
        return "has a backtick without its partner"
    alive = _ALIVE.search(prose)
    return None if alive is None else f"has a live {alive.lastgroup}"


def _outside_code(line: str) -> str | None:
    """What of a line is not in code spans (CommonMark 6.1); None if a run of backticks finds no partner in the line."""
    prose = []
    at = 0
    while at < len(line):
        if line[at] == "\\":
            prose.append(line[at + 1 : at + 2])
            at += 2
        elif line[at] == "`":
            opening = _RUNS.match(line, at)
            assert opening is not None
            closing = next((run for run in _RUNS.finditer(line, opening.end()) if run[0] == opening[0]), None)
            if closing is None:
                return None
            prose.append(" ")
            at = closing.end()
        else:
            prose.append(line[at])
            at += 1
    return "".join(prose)


def _clean(text: str) -> str:
    r"""`text` with line ends as `\n`, nothing unseen, no comment that could pass for a marker, no endless backticks."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(_visible(character) for character in text)
    return _LONG_RUN.sub("`" * LONGEST_RUN + CUT, text).replace("<!--", "<! --")


def _visible(character: str) -> str:
    if character in "\n\t" or character in _JOINERS or unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + CUT


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUNS.findall(text)), default=0)


def _host(parts: SplitResult) -> str | None:
    name = parts.hostname or ""
    if not name.isascii():
        name = name.encode("idna").decode("ascii")  # UnicodeError is a ValueError
    host = f"[{name}]" if ":" in name else name
    return host if _HOST.fullmatch(host) else None


def _encode(text: str, safe: str) -> str:
    return _STRAY_PERCENT.sub("%25", quote(text, safe=safe, errors="replace"))
