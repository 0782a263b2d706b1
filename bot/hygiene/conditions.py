"""The `if` expressions of CI rules, judged with what is known: true, false, or None for "that depends".

Source: GitLab, doc/ci/jobs/job_rules.md, "CI/CD variable expressions"; gitlabhq, lib/gitlab/ci/pipeline/expression,
whose `&&` and `||` are Ruby's and give one of their sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from bot.hygiene.shapes import wildcards
from bot.hygiene.wildcards import included
from bot.hygiene.wildcards import matches as covers


class Open(Enum):
    """A value that is not known here."""

    VALUE = "?"


@dataclass(frozen=True, slots=True)
class Outside:
    """Some text, not empty, that none of these wildcards covers: the name of a ref that no rule protects."""

    patterns: tuple[str, ...]

    def may_be(self, text: str) -> bool:
        """Whether it may be that very text."""
        return bool(text) and not any(covers(pattern, text) for pattern in self.patterns)

    def found_by(self, pattern: str) -> Answer:
        """Whether `/pattern/` is found in it: no where only covered texts have it, else None."""
        taken = wildcards(pattern)
        return False if taken is not None and all(included(self.patterns, one) for one in taken) else None


OPEN: Final = Open.VALUE
Value: TypeAlias = str | bool | Open | Outside | None
Answer: TypeAlias = bool | None

LONGEST = 4_000  # characters of an expression
DEEPEST = 20  # parentheses within each other
_TOKENS = re.compile(
    r"""\s*(?:(?P<variable>\$\w+)|(?P<text>"[^"]*"|'[^']*')|(?P<pattern>/(?:\\.|[^/\\])*/[a-z]*)
        |(?P<operator>==|!=|=~|!~|&&|\|\||\(|\))|(?P<null>null\b)|(?P<end>$))""",
    re.VERBOSE,
)
# A repeated group can take a backtracking matcher for ever; so can a text that is long.
_COSTLY = re.compile(r"\)[*+{]|\\[1-9]|\(\?[^:i]")
_LONGEST_PATTERN = 200
_LONGEST_TEXT = 255


def holds(condition: str, known: Mapping[str, Value]) -> Answer:
    """Whether the condition holds; a variable that is not among those known may be anything.

    None where that decides, and for an expression that cannot be read.
    """
    if len(condition) > LONGEST:
        return None
    try:
        reader = _Reader(condition, known)
        value = reader.either(0)
        return _present(value) if reader.kind == "end" else None
    except _UnreadableError:
        return None


class _UnreadableError(Exception):
    """No expression of GitLab's."""


class _Reader:
    """Reads and judges at once: `||` binds weaker than `&&`, comparisons strongest."""

    def __init__(self, text: str, known: Mapping[str, Value]) -> None:
        self._text, self._known, self._at = text, known, 0
        self.kind, self.token = "", ""
        self._advance()

    def either(self, depth: int) -> Value:
        """`a || b || …`"""
        value = self._both(depth)
        while self._is("||"):
            self._advance()
            value = _or(value, self._both(depth))
        return value

    def _both(self, depth: int) -> Value:
        value = self._one(depth)
        while self._is("&&"):
            self._advance()
            value = _and(value, self._one(depth))
        return value

    def _one(self, depth: int) -> Value:
        if self._is("("):
            if depth >= DEEPEST:
                raise _UnreadableError
            self._advance()
            inner = self.either(depth + 1)
            if not self._is(")"):
                raise _UnreadableError
            self._advance()
            return inner
        left = self._value()
        operator = self.token
        if operator in ("==", "!="):
            self._advance()
            same = _equal(left, self._value())
            return same if operator == "==" else _not(same)
        if operator in ("=~", "!~"):
            self._advance()
            matched = self._matched(left)
            return matched if operator == "=~" else _not(matched)
        return left

    def _is(self, operator: str) -> bool:
        return self.kind == "operator" and self.token == operator

    def _matched(self, left: Value) -> Value:
        kind, token = self.kind, self.token
        self._advance()
        if isinstance(left, Open) or kind != "pattern":
            return OPEN
        if isinstance(left, Outside):
            answer = left.found_by(token)
        else:
            answer = matches(token, left if isinstance(left, str) else "")
        return OPEN if answer is None else answer

    def _value(self) -> Value:
        kind, token = self.kind, self.token
        self._advance()
        match kind:
            case "variable":
                return self._known.get(token[1:], OPEN)
            case "text":
                return token[1:-1]
            case "null":
                return None
            case _:
                raise _UnreadableError

    def _advance(self) -> None:
        found = _TOKENS.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            raise _UnreadableError
        self.kind, self.token, self._at = found.lastgroup, found[found.lastgroup], found.end()


def matches(pattern: str, text: str) -> Answer:
    """Whether `/pattern/flags` is found in the text; None where that could take long or is no pattern we know."""
    body, _, flags = pattern[1:].rpartition("/")
    costly = len(text) > 1 and _COSTLY.search(body) is not None
    if len(body) > _LONGEST_PATTERN or len(text) > _LONGEST_TEXT or costly:
        return None
    try:
        return re.search(body, text, re.IGNORECASE if "i" in flags else 0) is not None
    except (re.error, RecursionError, OverflowError):
        return None


def _equal(left: Value, right: Value) -> Value:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Open) or (isinstance(one, Outside) and isinstance(other, Outside)):
            return OPEN
        if isinstance(one, Outside) and isinstance(other, str) and one.may_be(other):
            return OPEN
    return left == right


def _true(value: Value) -> bool:
    """Ruby's truth, in which an empty text is true."""
    return value is not None and value is not False


def _and(left: Value, right: Value) -> Value:
    if isinstance(left, Open):
        return OPEN if _true(right) else False
    return right if _true(left) else left


def _or(left: Value, right: Value) -> Value:
    if isinstance(left, Open):
        return True if _present(right) else OPEN
    return left if _true(left) else right


def _not(value: Value) -> Value:
    return OPEN if isinstance(value, Open) else not value


def _present(value: Value) -> Answer:
    """What GitLab asks of the whole expression: an empty text is not enough."""
    if isinstance(value, Open):
        return None
    return bool(value.strip()) if isinstance(value, str) else _true(value)
