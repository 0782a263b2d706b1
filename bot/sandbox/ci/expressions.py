"""`rules: if` expressions, with GitLab's grammar and GitLab's surprises.

An undefined variable equals `null` but not `""`; inside `&&` and `||` an empty string counts as true, and only the
final result must be non-blank; `/a/` with a single character is no pattern. Lookarounds and back-references are
refused, as RE2 refuses them.

Source: gitlabhq `lib/gitlab/ci/pipeline/expression/` (lexer, lexemes, statement).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_TOKENS = 100  # GitLab's Lexer::MAX_TOKENS; the hundredth is already one too many

Value: TypeAlias = "str | bool | re.Pattern[str] | None"


class ExpressionError(ValueError):
    """The text is no valid expression."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Literally:
    value: str | bool | None


@dataclass(frozen=True, slots=True)
class Pattern:
    source: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Binary:
    operator: Literal["==", "!=", "=~", "!~", "&&", "||"]
    left: "Expression"
    right: "Expression"


Expression: TypeAlias = Variable | Literally | Pattern | Binary

_LEXEMES = (
    ("open", re.compile(r"\(")),
    ("close", re.compile(r"\)")),
    ("variable", re.compile(r"\$(\w+)")),
    ("string", re.compile(r'"(.*?)"|' + r"'(.*?)'")),
    ("pattern", re.compile(r"/(?:[^/]|\\/)+[^\\]/[ismU]*")),
    ("null", re.compile(r"null\b")),
    ("boolean", re.compile(r"(true|false)\b")),
    ("operator", re.compile(r"==|=~|!=|!~|&&|\|\|")),
)
_PRECEDENCE = {"==": 3, "!=": 3, "=~": 3, "!~": 3, "&&": 2, "||": 1}
_NOT_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?(?:[=!]|<[=!]|>|\()|\\[1-9]|\\k|[*+?}]\+)")
_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}


def compile_pattern(text: str) -> re.Pattern[str]:
    """The regular expression that `/body/flags` means in GitLab.

    Raises:
        ExpressionError: the text has no slashes, or RE2 would refuse the body.
    """
    body, slash, flags = text[1:].rpartition("/")
    if not text.startswith("/") or not slash or not body or set(flags) - set("ismU"):
        raise ExpressionError("Invalid regular expression!")
    body = body.replace("\\/", "/")
    if _NOT_RE2.search(body):
        raise ExpressionError("Invalid regular expression!")
    mode = re.RegexFlag(0)
    for flag in flags:
        mode |= _FLAGS.get(flag, re.RegexFlag(0))
    try:
        return re.compile(body.replace("\\z", "\\Z"), mode)
    except re.error as error:
        raise ExpressionError("Invalid regular expression!") from error


def _tokens(text: str) -> list[tuple[str, re.Match[str]]]:
    found: list[tuple[str, re.Match[str]]] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return found
        if len(found) == MAX_TOKENS - 1:
            raise ExpressionError("Too many tokens!")
        for kind, lexeme in _LEXEMES:
            if match := lexeme.match(text, position):
                found.append((kind, match))
                position = match.end()
                break
        else:
            raise ExpressionError("Unknown lexeme found!")


def _leaf(kind: str, match: re.Match[str]) -> Expression:
    if kind == "variable":
        return Variable(match[1])
    if kind == "string":
        return Literally(match[1] if match[1] is not None else match[2])
    if kind == "pattern":
        return Pattern(match[0], compile_pattern(match[0]))
    if kind == "boolean":
        return Literally(match[1] == "true")
    if kind == "null":
        return Literally(None)
    raise ExpressionError(f"unexpected {match[0]}")


class _Parser:
    """Precedence climbing; operators of one rank group from the left."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Expression:
        tree = self._operation(1)
        if self._at != len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._at][1][0]}")
        return tree

    def _operation(self, rank: int) -> Expression:
        left = self._operand()
        while self._at < len(self._tokens):
            kind, match = self._tokens[self._at]
            if kind != "operator" or _PRECEDENCE[match[0]] < rank:
                break
            self._at += 1
            left = _binary(match[0], left, self._operation(_PRECEDENCE[match[0]] + 1))
        return left

    def _operand(self) -> Expression:
        if self._at == len(self._tokens):
            raise ExpressionError("the expression ends too early")
        kind, match = self._tokens[self._at]
        self._at += 1
        if kind != "open":
            return _leaf(kind, match)
        inner = self._operation(1)
        if self._at == len(self._tokens) or self._tokens[self._at][0] != "close":
            raise ExpressionError("a parenthesis is not closed")
        self._at += 1
        return inner


def _binary(operator: str, left: Expression, right: Expression) -> Binary:
    match operator:
        case "=~" | "!~":
            if isinstance(right, Binary):
                raise ExpressionError(f"{operator} needs a pattern on its right")
            return Binary(operator, left, right)
        case "==" | "!=" | "&&" | "||":
            return Binary(operator, left, right)
        case _:
            raise AssertionError(operator)


def parse(text: str) -> Expression:
    """The tree of an expression.

    Raises:
        ExpressionError: GitLab's lint would say `invalid expression syntax`.
    """
    return _Parser(text).whole()


def _ruby_true(value: Value) -> bool:
    return value is not None and value is not False


def _evaluate(tree: Expression, variables: Mapping[str, str]) -> Value:
    match tree:
        case Variable(name):
            return variables.get(name)
        case Literally(value):
            return value
        case Pattern(_, regex):
            return regex
        case Binary("&&", left, right):
            first = _evaluate(left, variables)
            return _evaluate(right, variables) if _ruby_true(first) else first
        case Binary("||", left, right):
            first = _evaluate(left, variables)
            return first if _ruby_true(first) else _evaluate(right, variables)
        case Binary("==", left, right):
            return _evaluate(left, variables) == _evaluate(right, variables)
        case Binary("!=", left, right):
            return _evaluate(left, variables) != _evaluate(right, variables)
        case Binary(operator, left, right):
            return _matches(_evaluate(left, variables), _evaluate(right, variables)) == (operator == "=~")


def _matches(text: Value, pattern: Value) -> bool:
    if not _ruby_true(pattern):
        return False
    regex = compile_pattern(pattern) if isinstance(pattern, str) else pattern
    if not isinstance(regex, re.Pattern):
        raise ExpressionError("Invalid regular expression!")
    shown = str(text).lower() if isinstance(text, bool) else text if isinstance(text, str) else ""
    return regex.search(shown) is not None


def truthful(tree: Expression, variables: Mapping[str, str]) -> bool:
    """Whether the condition holds; a pattern taken from a variable that is no pattern makes it false.

    Source: `Statement#truthful?`, which asks `present?` of the result and rescues expression errors.
    """
    try:
        value = _evaluate(tree, variables)
    except ExpressionError:
        return False
    return bool(value.strip()) if isinstance(value, str) else _ruby_true(value)
