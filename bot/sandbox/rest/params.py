"""Request parameters as Grape sees them: query, form or JSON merged, nested names, typed on access."""

import json
import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import parse_qsl

from bot.sandbox.answers import RefusalError, invalid
from bot.sandbox.malformed import DEPTH_LIMIT, TOO_DEEP, check_text, check_values, malformed

Nested: TypeAlias = dict[str, object]

_WHOLE = re.compile(r"\s*[+-]?\d{1,18}\s*")
_TRUE = frozenset({"true", "t", "1", "on"})
_FALSE = frozenset({"false", "f", "0", "off", ""})


def _segments(name: str) -> list[str]:
    head, _, rest = name.partition("[")
    return [head, *rest.rstrip("]").split("][")] if rest else [head]


def _put(into: Nested, path: list[str], value: str) -> None:
    head, rest = path[0], path[1:]
    if not rest:
        into[head] = value
        return
    if rest[0] != "":
        inner = into.setdefault(head, {})
        if isinstance(inner, dict):
            _put(inner, rest, value)
        return
    rows = into.setdefault(head, [])
    if not isinstance(rows, list):
        return
    if len(rest) == 1:
        rows.append(value)
        return
    # `links[][name]=a&links[][url]=b`: a key seen before starts the next row, as Rack does
    if not rows or not isinstance(rows[-1], dict) or rest[1] in rows[-1]:
        rows.append({})
    _put(rows[-1], rest[1:], value)


def parse_pairs(text: str) -> Nested:
    """A query string or form body with Rack's nesting: `a[]`, `a[b]`, `a[][b]`. Raises: RefusalError (400)."""
    found: Nested = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="surrogateescape"):
        check_text(name)
        check_text(value)
        path = _segments(name)
        if len(path) > DEPTH_LIMIT:
            raise RefusalError(400, {"error": TOO_DEEP})
        _put(found, path, value)
    return found


def parse_body(content_type: str, body: bytes) -> Nested:
    """A JSON or form body. Raises: RefusalError (400) for JSON that is none, and for text that is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and body:
        try:
            parsed = json.loads(body, parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise malformed() from None
        except RecursionError:
            raise RefusalError(400, {"error": TOO_DEEP}) from None
        except ValueError:
            raise RefusalError(400, {"error": "The provided request body is invalid"}) from None
        check_values(parsed)
        return parsed if isinstance(parsed, dict) else {}
    if kind == "application/x-www-form-urlencoded":
        return parse_pairs(body.decode(errors="surrogateescape"))
    return {}


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


class Params:
    """Parameters of one request. A name sent without value counts as sent."""

    def __init__(self, values: Nested) -> None:
        self.values = values

    def has(self, name: str) -> bool:
        """Whether the parameter was sent at all."""
        return name in self.values

    def require(self, *names: str) -> None:
        """Raises: RefusalError (400 `a is missing, b is missing`)."""
        missing = [name for name in names if not self.has(name)]
        if missing:
            raise invalid(", ".join(f"{name} is missing" for name in missing))

    def text(self, name: str, default: str | None = None) -> str | None:
        """The parameter as text; JSON numbers and booleans are printed."""
        value = self.values.get(name, default)
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (dict, list)):
            raise invalid(f"{name} is invalid")
        return str(value)

    def needed(self, name: str) -> str:
        """The text of a parameter that must be sent."""
        self.require(name)
        return self.text(name) or ""

    def integer(self, name: str) -> int | None:
        """The parameter as a whole number of at most 18 digits. Raises: RefusalError (400)."""
        value = self.text(name)
        if value is None or value == "":
            return None
        if not _WHOLE.fullmatch(value):
            raise invalid(f"{name} is invalid")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """The parameter as a boolean. Raises: RefusalError (400)."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise invalid(f"{name} is invalid")

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """One of `choices`. Raises: RefusalError (400)."""
        value = self.text(name, default) or default
        if value not in choices:
            raise invalid(f"{name} does not have a valid value")
        return value

    def one_of(self, name: str, choices: Iterable[str]) -> str | None:
        """One of `choices`, None when nothing was sent. Raises: RefusalError (400)."""
        value = self.text(name)
        if value and value not in choices:
            raise invalid(f"{name} does not have a valid value")
        return value or None

    def some_of(self, name: str, choices: Iterable[str]) -> list[str]:
        """A list of `choices`. Raises: RefusalError (400)."""
        values = self.texts(name)
        if not set(values) <= set(choices):
            raise invalid(f"{name} does not have a valid value")
        return values

    def texts(self, name: str) -> list[str]:
        """A list parameter: `a[]=x`, a JSON array, or comma-separated text. Raises: RefusalError (400)."""
        value = self.values.get(name)
        if value is None:
            return []
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value)):
            raise invalid(f"{name} is invalid")
        if isinstance(value, list):
            return [str(one) for one in value]
        return [one.strip() for one in str(value).split(",") if one.strip()]

    def nested(self, name: str) -> "Params":
        """A parameter with names of its own, such as `filter[…]`. Raises: RefusalError (400) for anything else."""
        value = self.values.get(name)
        if value is not None and value != "" and not isinstance(value, dict):
            raise invalid(f"{name} is invalid")
        return Params(value if isinstance(value, dict) else {})

    def rows(self, name: str) -> list["Params"]:
        """A parameter that is a list of such. Raises: RefusalError (400) for anything else."""
        value = self.values.get(name)
        if value is None or value == "":
            return []
        if isinstance(value, dict):
            value = list(value.values())
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise invalid(f"{name} is invalid")
        return [Params(row) for row in value]
