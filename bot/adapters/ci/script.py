"""One entry of a script as commands, with the literals taken out that their place makes credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.adapters.ci.shell import read_commands
from bot.adapters.ci.tree import Scalar
from bot.domain.ci import CiAssignment, CiCommand, CiLine
from bot.domain.credentials import HEADER, literal_secret, names_throwaway, secret_options
from bot.domain.secrets import HIDDEN
from bot.domain.variable_names import names_secret

_FIELD = re.compile(
    r"^(\s*(?:password|token|secret|api[_-]?key)\s*[=:]\s*)([^\s\"'$#]{4,})\s*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A credential written into a script: what it is and where; `throwaway` as in CiCredential."""

    form: str
    place: str
    line: int | None
    throwaway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a script and the literal credentials that stood in it."""

    line: CiLine
    literals: tuple[Literal, ...]


def read_entry(scalar: Scalar, *, lines: bool) -> Entry:
    """The entry; without lines where the file is not the one people edit. Raises: Beyond."""
    first = scalar.first if scalar.first is not None else None
    commands = read_commands(scalar.text, first if lines else None)
    if lines and first is None:
        commands = tuple(replace(command, line=scalar.line) for command in commands)
    concealed, hidden, literals = [], set[str](), list[Literal]()
    for command in commands:
        finds = _Finds(command)
        concealed.append(finds.concealed())
        hidden |= finds.hidden
        literals += finds.literals
    text, fields = _without_fields(scalar.text, scalar.line if lines else None)
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    line = CiLine(text=text, line=scalar.line if lines else None, commands=tuple(concealed))
    return Entry(line=line, literals=(*literals, *fields))


class _Finds:
    """Looks through one command for credentials that stand in it as they are."""

    def __init__(self, command: CiCommand) -> None:
        self.command = command
        self.hidden: set[str] = set()
        self.literals: list[Literal] = []
        self.words = list(command.words)
        self.assigns = [self._assign(assign) for assign in command.assigns]
        if self.words:
            self._options()
            self._headers()

    def concealed(self) -> CiCommand:
        """The command without them."""
        words = [self._cover(word) for word in self.words]
        return replace(self.command, words=tuple(words), assigns=tuple(self.assigns))

    def _cover(self, word: str) -> str:
        for value in self.hidden:
            word = word.replace(value, HIDDEN)
        return word

    def _take(self, value: str, form: str, place: str, *, throwaway: bool = False) -> None:
        self.hidden.add(value)
        self.literals.append(Literal(form=form, place=place, line=self.command.line, throwaway=throwaway))

    def _assign(self, assign: CiAssignment) -> CiAssignment:
        value = assign.value
        if value is None or not names_secret(assign.name) or not literal_secret(value) or HIDDEN in value:
            return assign
        place = f"the assignment of {assign.name}"
        self._take(value, "a literal value", place, throwaway=names_throwaway(assign.name))
        return replace(assign, value=HIDDEN)

    def _options(self) -> None:
        for option, value in secret_options(self.command.words):
            if literal_secret(value) and HIDDEN not in value:
                self._take(value, "a literal value", f"the option {option}")

    def _headers(self) -> None:
        for word in self.command.words:
            for match in HEADER.finditer(word):
                if literal_secret(match[2]) and HIDDEN not in match[2]:
                    self._take(match[2], "a literal value", "a request header")


def _without_fields(text: str, line: int | None) -> tuple[str, list[Literal]]:
    """The text without values of `password = …` lines, as a `.pypirc` has them."""
    literals: list[Literal] = []

    def hide(match: re.Match[str]) -> str:
        if not literal_secret(match[2]) or HIDDEN in match[2]:
            return match[0]
        literals.append(Literal(form="a literal value", place="a file that the script writes", line=line))
        return match[1] + HIDDEN

    return _FIELD.sub(hide, text), literals
