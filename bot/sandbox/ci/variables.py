"""Which value of a variable a job sees, and what `$NAME` in it becomes.

Source: GitLab's docs on CI/CD variable precedence; gitlabhq `lib/gitlab/ci/variables/builder/`.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.sandbox.ci.model import CiVariable
from bot.sandbox.ci.spec import YamlVariable

_REFERENCE = re.compile(r"\$\$|\$(\w+)|\$\{(\w+)\}|%(\w+)%")
_NO_LOOP = sys.maxsize
_LEVELS = ("instance", "group", "project")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable on its way into a job. `raw` values are never expanded; a `file` one is handed over as a path."""

    key: str
    value: str
    masked: bool = False
    raw: bool = False
    file: bool = False


def from_yaml(variables: Mapping[str, YamlVariable]) -> list[Variable]:
    """Variables written in the configuration."""
    return [Variable(key=key, value=each.value, raw=each.raw) for key, each in variables.items()]


def from_request(variables: Iterable[Mapping[str, str]]) -> list[Variable]:
    """Variables sent with a request (`key`, `value`, `variable_type`)."""
    return [
        Variable(key=each["key"], value=each.get("value", ""), file=each.get("variable_type") == "file")
        for each in variables
    ]


def settings_variables(
    variables: Iterable[CiVariable], *, protected_ref: bool, environment: str | None
) -> list[Variable]:
    """Variables of instance, groups and project for one job, the strongest last.

    Protected ones need a protected ref. Without an environment only the scope `*` counts; with one the best match of
    each level wins: exact, then a pattern, then `*`.
    """
    usable = [
        each
        for each in variables
        if (protected_ref or not each.protected) and scope_rank(each.environment_scope, environment) is not None
    ]
    usable.sort(key=lambda v: (_LEVELS.index(v.level), v.depth, scope_rank(v.environment_scope, environment) or 0))
    return [Variable(key=v.key, value=v.value, masked=v.masked or v.hidden, raw=v.raw, file=v.file) for v in usable]


def scope_rank(scope: str, environment: str | None) -> int | None:
    """0 for `*`, 1 for a pattern that matches, 2 for the environment's own name, None for no match."""
    if scope == "*":
        return 0
    if environment is None:
        return None
    if scope == environment:
        return 2
    pattern = ".*".join(re.escape(part) for part in scope.split("*"))
    return 1 if re.fullmatch(pattern, environment, re.DOTALL) else None


def strongest(layers: Iterable[Iterable[Variable]]) -> dict[str, Variable]:
    """One variable per key: later layers, and later entries of one layer, win."""
    return {each.key: each for layer in layers for each in layer}


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with `$NAME`, `${NAME}` and `%NAME%` replaced once; unknown names vanish, `$$` is a dollar sign."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[3] is not None and match[3] not in values:
            return match[0]  # a per cent sign in prose, not a reference
        return values.get(match[1] or match[2] or match[3], "")

    return _REFERENCE.sub(one, text)


def expand_all(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Every value with the others put in, whatever their order.

    A variable that refers to itself keeps the reference as text: `TWINE_PASSWORD: $TWINE_PASSWORD` in the file, with
    no such variable in the settings, gives a job the password `$TWINE_PASSWORD`.
    """
    return _Expansion(variables).all()


class _Expansion:
    """Depth first; a value is kept once known, unless the variable is part of a loop: then it depends on who asks."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables
        self._done: dict[str, str] = {}
        self._open: list[str] = []

    def all(self) -> dict[str, str]:
        return {key: self._value(key)[0] for key in self._variables}

    def _value(self, key: str) -> tuple[str, int]:
        """The value, and the lowest place in the chain it refers back to (beyond its end: to none)."""
        variable = self._variables[key]
        if key in self._done:
            return self._done[key], _NO_LOOP
        if variable.raw or variable.file:
            return variable.value, _NO_LOOP
        place, lowest = len(self._open), _NO_LOOP
        self._open.append(key)

        def one(match: re.Match[str]) -> str:
            nonlocal lowest
            name = match[1] or match[2] or match[3]
            if match[0] == "$$":
                return "$"
            if name not in self._variables:
                return match[0] if match[3] is not None else ""
            if name in self._open:
                lowest = min(lowest, self._open.index(name))
                return match[0]
            text, reached = self._value(name)
            lowest = min(lowest, reached)
            return text

        result = _REFERENCE.sub(one, variable.value)
        self._open.pop()
        if lowest > place:
            self._done[key] = result
        return result, lowest


def secrets(variables: Mapping[str, Variable], expanded: Mapping[str, str]) -> frozenset[str]:
    """The texts a trace must not show: masked values as set and as expanded."""
    found = {text for v in variables.values() if v.masked for text in (v.value, expanded[v.key])}
    return frozenset(text for text in found if text)


def as_paths(variables: Mapping[str, Variable], folder: str) -> dict[str, Variable]:
    """`file` variables with the path they will be written to in place of their content."""
    return {
        key: replace(each, value=f"{folder}/{key}", raw=True) if each.file else each for key, each in variables.items()
    }
