"""The `if` expressions of CI rules, judged with what is known: true, false, or None for "that depends".

Source: GitLab, doc/ci/jobs/job_rules.md, "CI/CD variable expressions"; gitlabhq, lib/gitlab/ci/pipeline/expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias


class Open(Enum):
    """A value that is not known here."""

    VALUE = "?"


OPEN: Final = Open.VALUE
Value: TypeAlias = str | Open | None
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
        answer = reader.either(0)
        return answer if reader.kind == "end" else None
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

    def either(self, depth: int) -> Answer:
        """`a || b || …`"""
        answer = self._both(depth)
        while self._is("||"):
            self._advance()
            answer = _or(answer, self._both(depth))
        return answer

    def _both(self, depth: int) -> Answer:
        answer = self._one(depth)
        while self._is("&&"):
            self._advance()
            answer = _not(_or(_not(answer), _not(self._one(depth))))
        return answer

    def _one(self, depth: int) -> Answer:
        if self._is("("):
            if depth >= DEEPEST:
                raise _UnreadableError
            self._advance()
            answer = self.either(depth + 1)
            if not self._is(")"):
                raise _UnreadableError
            self._advance()
            return answer
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
        return None if isinstance(left, Open) else bool(left)

    def _is(self, operator: str) -> bool:
        return self.kind == "operator" and self.token == operator

    def _matched(self, left: Value) -> Answer:
        kind, token = self.kind, self.token
        self._advance()
        if left is None:
            return False
        if isinstance(left, Open) or kind != "pattern":
            return None
        return matches(token, left)

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
    if len(body) > _LONGEST_PATTERN or len(text) > _LONGEST_TEXT or _COSTLY.search(body):
        return None
    try:
        return re.search(body, text, re.IGNORECASE if "i" in flags else 0) is not None
    except (re.error, RecursionError, OverflowError):
        return None


def _equal(left: Value, right: Value) -> Answer:
    return None if isinstance(left, Open) or isinstance(right, Open) else left == right


def _or(left: Answer, right: Answer) -> Answer:
    if left or right:
        return True
    return None if left is None or right is None else False


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer
