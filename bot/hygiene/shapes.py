"""Which names a regular expression of a CI rule takes, as wildcards that cover them all."""

from __future__ import annotations

from collections.abc import Iterator

_LONGEST = 200
_SPECIAL = frozenset(".[](){}*+?|^$\\")
_REPEATS = frozenset("*+?{")


def wildcards(pattern: str) -> tuple[str, ...] | None:
    """Wildcards that together cover every text in which `/pattern/` is found; None where that cannot be told.

    They may cover more: `/^v\\d+$/` is `v*`. One that begins with the text itself, and not with `*`, is anchored.
    """
    body, _, flags = pattern[1:].rpartition("/")
    if flags or len(body) > _LONGEST:
        return None
    try:
        return tuple(dict.fromkeys(_wildcard(branch) for branch in _branches(body)))
    except _UnreadableError:
        return None


class _UnreadableError(Exception):
    """More than is understood here."""


def _branches(body: str) -> Iterator[str]:
    """The alternatives at the top of an expression."""
    begin = place = 0
    while place < len(body):
        if body[place] == "|":
            yield body[begin:place]
            begin = place + 1
        place = _end(body, place)
    yield body[begin:]


def _wildcard(branch: str) -> str:
    anchored = branch.startswith("^")
    place, parts = int(anchored), ["" if anchored else "*"]
    closed = False
    while place < len(branch):
        end = _end(branch, place)
        item = branch[place:end]
        if item == "$" and end == len(branch):
            closed = True
        elif item in ("^", "$"):
            raise _UnreadableError
        else:
            repeated = branch[end : end + 1] in _REPEATS and end < len(branch)
            literal = _literal(item)
            parts.append("*" if literal is None or repeated else literal)
            end = _after_repeat(branch, end) if repeated else end
        place = end
    text = "".join([*parts, "" if closed else "*"])
    while "**" in text:
        text = text.replace("**", "*")
    return text


def _literal(item: str) -> str | None:
    """The one character that an item stands for; None for what stands for several."""
    if item[0] == "\\":
        return None if item[1].isalnum() or item[1] == "*" else item[1]
    return item if len(item) == 1 and item not in _SPECIAL else None


def _end(text: str, place: int) -> int:
    """Where the item that begins here ends: a character, an escape, a class, a group."""
    match text[place]:
        case "\\":
            if place + 1 >= len(text):
                raise _UnreadableError
            return place + 2
        case "[":
            return _end_of_class(text, place)
        case "(":
            if text.startswith("(?", place) and not text.startswith("(?:", place):
                raise _UnreadableError
            inner = place + 1
            while inner < len(text) and text[inner] != ")":
                inner = _end(text, inner)
            if inner >= len(text):
                raise _UnreadableError
            return inner + 1
        case _:
            return place + 1


def _end_of_class(text: str, place: int) -> int:
    inner = place + 1
    inner += text.startswith("^", inner)
    inner += text.startswith("]", inner)
    while inner < len(text) and text[inner] != "]":
        if text.startswith("[:", inner):
            raise _UnreadableError
        inner += 2 if text[inner] == "\\" else 1
    if inner >= len(text):
        raise _UnreadableError
    return inner + 1


def _after_repeat(text: str, place: int) -> int:
    if text[place] == "{":
        close = text.find("}", place)
        if close < 0:
            raise _UnreadableError
        place = close
    place += 1
    return place + 1 if text[place : place + 1] in ("?", "+") and place < len(text) else place
