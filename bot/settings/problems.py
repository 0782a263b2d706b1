"""What is wrong with a configuration, collected so that one run tells all of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor

_REDACTOR = Redactor()  # knows no secret, only their shapes: messages are made before the secrets are read


def shown(text: str, limit: int = 60) -> str:
    """A piece of the file as a message may show it: on one line, without control characters or secrets, cut short."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in _REDACTOR.redact(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was most likely meant to be, or None."""
    cutoff = 0.6 if len(word) > 3 else 0.75  # two letters of a short word are no resemblance
    matches = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def listed(words: Iterable[str]) -> str:
    """`a`, `b` or `c`; "nothing" when there are none."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) < 2:
        return quoted[0] if quoted else "nothing"
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


@dataclass(slots=True)
class Problems:
    """Errors and warnings of one reading. At most one error per place: the first says what matters."""

    _errors: dict[tuple[str, tuple[str | int, ...]], ConfigError] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)

    def add(self, where: str, path: tuple[str | int, ...], what: str, remedy: str = "") -> None:
        """Something that stops the start. `path` tells places on one line apart."""
        self._errors.setdefault((where, path), ConfigError(what, where, remedy))

    def add_error(self, error: ConfigError) -> None:
        """An error that already knows its place."""
        self._errors.setdefault((error.where, ()), error)

    def warn(self, where: str, sentence: str) -> None:
        """Something a person should know, once, that stops nothing."""
        warning = f"{where}: {sentence}"
        if warning not in self._warnings:
            self._warnings.append(warning)

    def __bool__(self) -> bool:
        return bool(self._errors)

    @property
    def errors(self) -> list[ConfigError]:
        """All errors in the order of files and lines."""
        return sorted(self._errors.values(), key=_by_line)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings in the order found."""
        return tuple(self._warnings)


def _by_line(error: ConfigError) -> tuple[str, int]:
    label, _, line = error.where.rpartition(":")
    return (label, int(line)) if line.isdecimal() else (error.where, 0)
