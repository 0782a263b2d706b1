"""Release notes in the organisation's own form: a Jinja template over texts that are safe already.

The template comes from whoever runs the bot; a project cannot bring one. It is filled in a sandbox all the same, and
what it gives passes the same last check as our own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Value: TypeAlias = "str | list[str] | list[dict[str, str | list[str]]]"

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    autoescape=False,  # Markdown, not HTML; every value is a finished piece of it
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)


class UnusableTemplateError(Exception):
    """The template cannot be used; the message is a sentence without a full stop."""


def check(text: str) -> None:
    """Raises: UnusableTemplateError for what is no template."""
    try:
        _ENVIRONMENT.parse(text)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise UnusableTemplateError(f"{error}" + (f" (line {line})" if line else "")) from None


def fill(text: str, values: Mapping[str, Value]) -> str:
    """The filled template without blank lines at its ends. Raises: UnusableTemplateError."""
    check(text)
    try:
        return _ENVIRONMENT.from_string(text).render(**values).strip("\n")
    except TemplateError as error:
        raise UnusableTemplateError(f"{error}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
        raise UnusableTemplateError(f"{type(error).__name__}: {error}") from None
