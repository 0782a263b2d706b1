"""How foreign text, JSON and times are spelt in reports.

Names come from whoever may name a project or a variable. Controls, bidirectional marks and other unseen characters
would move a terminal's cursor, reorder a line, or make a document invalid.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime

_BEYOND_ASCII = re.compile(r"[^\x20-\x7e\n]")
_ENDS = (".", "!", "?", ":", ";", "…")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` on one line: blanks of any width as spaces, what has no shape of its own as an escape such as `\\x1b`."""
    return text if text.isprintable() else "".join(map(_visible, text))


def sentences(*texts: str) -> str:
    """Texts as one paragraph: each ends as a sentence does, empty ones are left out."""
    parts = [text.strip() for text in texts]
    *first, last = [part for part in parts if part] or [""]
    return " ".join((*(part if part.endswith(_ENDS) else f"{part}." for part in first), last))


def json_text(document: object) -> str:
    """`document` as one line of JSON that a terminal can show.

    Unseen characters are JSON escapes, so a reader gets back what was there; only lone surrogates, which no strict
    reader takes, become text such as `\\ud800`.
    """
    return _BEYOND_ASCII.sub(_json_escape, json.dumps(document, ensure_ascii=False))


def rfc3339(moment: datetime) -> str:
    """UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _json_escape(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    if _SURROGATE.match(character):
        return f"\\\\u{ord(character):04x}"
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
