"""Trailers of commit messages: `Key: value` lines in the last paragraph. Source: git-interpret-trailers(1)."""

import re

_LINE = re.compile(r"([A-Za-z0-9-]+)[ \t]*:[ \t]*(.*)")
_OWN = ("Signed-off-by:", "(cherry picked from commit ")


def trailers(message: str) -> dict[str, list[str]]:
    """The trailers by key, in their order; empty when the last paragraph is none.

    It counts as trailers when all its lines are, or a quarter of them with one git writes itself. The title is none.
    """
    paragraphs = re.split(r"\n[ \t]*\n", message.strip())
    if len(paragraphs) < 2:
        return {}
    lines = re.sub(r"\n[ \t]+", " ", paragraphs[-1]).split("\n")
    matches = [_LINE.fullmatch(line.rstrip()) for line in lines]
    good = sum(match is not None for match in matches)
    if good < len(lines) and not (any(line.startswith(_OWN) for line in lines) and good * 3 >= len(lines) - good):
        return {}
    found: dict[str, list[str]] = {}
    for match in matches:
        if match is not None:
            found.setdefault(match[1], []).append(match[2])
    return found
