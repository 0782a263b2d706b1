"""Reading control requests: a JSON object whose keys and types are checked, so that a typo is told."""

import json
import re
from collections.abc import Collection

from starlette.requests import Request

from bot.sandbox.answers import Json, RefusalError
from bot.sandbox.malformed import DEPTH_LIMIT, check_values

SPAN_LIMIT_SECONDS = 86_400.0
"""A day: nobody waits longer."""


class MisuseError(Exception):
    """The control request makes no sense; the message says why."""


async def read_object(request: Request) -> "Asked":
    """The request's body. Raises: MisuseError."""
    body = await request.body()
    if not body:
        return Asked({})
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MisuseError(f"the body is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise MisuseError("the body must be a JSON object")
    try:
        check_values(parsed)
    except RefusalError:
        raise MisuseError(f"the body holds NUL or half a character, or goes deeper than {DEPTH_LIMIT}") from None
    return Asked(parsed)


class Asked:
    """A JSON object somebody sent; every reader raises MisuseError for a value of another type."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def only(self, what: str, names: Collection[str]) -> None:
        """Refuse keys that mean nothing."""
        unknown = sorted(set(self.values) - set(names))
        if unknown:
            raise MisuseError(f"{what} has no {unknown[0]!r}; it has {', '.join(sorted(names))}")

    def has(self, name: str) -> bool:
        """Whether the key was sent."""
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """Text."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise MisuseError(f"{name} is text, not {value!r}")
        return value

    def needed(self, name: str) -> str:
        """Text that must be there."""
        if not self.text(name):
            raise MisuseError(f"{name} is missing")
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise MisuseError(f"{name} is true or false, not {value!r}")
        return value

    def whole(self, name: str, default: int, *, least: int = 0) -> int:
        """A whole number of at least `least`."""
        value = self.values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise MisuseError(f"{name} is a whole number from {least} up, not {value!r}")
        return value

    def whole_or_none(self, name: str, default: int | None) -> int | None:
        """A whole number, or null."""
        if name in self.values and self.values[name] is None:
            return None
        return default if default is None and name not in self.values else self.whole(name, default or 0)

    def number(self, name: str, default: float = 0.0) -> float:
        """A number."""
        value = self.values.get(name, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise MisuseError(f"{name} is a number, not {value!r}")
        if not abs(value) < float("inf"):
            raise MisuseError(f"{name} is a finite number")
        return float(value)

    def seconds(self, name: str, default: float = 0.0) -> float:
        """A span of time, not negative."""
        value = self.number(name, default)
        if not 0.0 <= value <= SPAN_LIMIT_SECONDS:
            raise MisuseError(f"{name} is a number of seconds from 0 to {SPAN_LIMIT_SECONDS:g}, not {value:g}")
        return value

    def part(self, name: str, default: float = 1.0) -> float:
        """A number from 0 to 1."""
        value = self.number(name, default)
        if not 0.0 <= value <= 1.0:
            raise MisuseError(f"{name} is a number from 0 to 1, not {value:g}")
        return value

    def pattern(self, name: str, default: str = "") -> re.Pattern[str]:
        """A regular expression."""
        text = self.text(name, default)
        try:
            return re.compile(text)
        except re.error as error:
            raise MisuseError(f"{name} {text!r} is no regular expression: {error}") from None

    def inner(self, name: str) -> "Asked":
        """An object inside; empty when absent."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise MisuseError(f"{name} is an object, not {value!r}")
        return Asked(value)
