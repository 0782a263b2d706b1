"""Collects the credentials that stand in a CI file as they are: what, where, in which job; never the value."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

from bot.adapters.ci.masking import URL_FORM, distinct_shapes, mask
from bot.adapters.ci.script import Literal
from bot.adapters.ci.tree import Items, Node, Scalar, Tree
from bot.domain.ci import CiCredential
from bot.domain.credentials import literal_secret, names_throwaway
from bot.domain.secrets import HIDDEN
from bot.domain.variable_names import names_secret

_KEY = re.compile(r"\s*(?:-\s+)?(?:export\s+)?[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?\s*[:=]")
_DATABASE = re.compile(r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|amqp)[a-z0-9+]*://$")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MOST = 500  # credentials told of one file; by then it says enough


class Credentials:
    """The credentials of one file, each line and form once."""

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._found: dict[tuple[object, ...], CiCredential] = {}
        self._hidden_lines: set[int] = set()

    def add_shapes(self, text: str, jobs: Mapping[str, int]) -> None:
        """Everything in the text that has the shape of a credential, comments included; `jobs` are top keys by line."""
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        keys = sorted((line, name) for name, line in jobs.items())
        for shape in distinct_shapes(text):
            line = bisect_right(starts, shape.start)
            at = bisect_right(keys, (line, "\uffff")) - 1
            end = starts[line] if line < len(starts) else len(text)
            thrown = (
                shape.form == URL_FORM and _DATABASE.search(text, max(0, shape.start - 40), shape.start) is not None
            )
            self._add(
                CiCredential(
                    form=shape.form,
                    certain=not thrown,
                    throwaway=thrown,
                    place=_place(text[starts[line - 1] : end]),
                    job=keys[at][1] if at >= 0 else None,
                    line=line,
                ),
            )
            self._hidden_lines.add(line)

    def add_variables(self, pairs: Iterable[tuple[str, Scalar]], job: str | None) -> None:
        """Variables whose name says that they hold a secret and whose value is a literal."""
        for name, value in pairs:
            if any(line in self._hidden_lines for line in _lines_of(value)):
                continue  # told already, and better
            if HIDDEN in value.text:
                if names_secret(name):
                    self._literal("a literal value", name, job, value.line)
            elif names_secret(name) and literal_secret(value.text):
                self._literal("a literal value", name, job, value.line)

    def _literal(self, form: str, name: str, job: str | None, line: int) -> None:
        place = f"the variable {name}" if _IDENTIFIER.fullmatch(name) else "a variable"
        thrown = names_throwaway(name)
        self._add(CiCredential(form=form, place=place, job=job, line=line, certain=False, throwaway=thrown))

    def add_literals(self, literals: Iterable[Literal], job: str) -> None:
        """Literals that stood in a script."""
        for literal in literals:
            if literal.line in self._hidden_lines:
                continue
            self._add(
                CiCredential(
                    form=literal.form,
                    place=literal.place,
                    job=job,
                    line=literal.line,
                    certain=False,
                    throwaway=literal.throwaway,
                )
            )

    def _add(self, found: CiCredential) -> None:
        key: tuple[object, ...] = (found.line, found.form, found.place, None if found.line else found.job)
        if len(self._found) < MOST:
            self._found.setdefault(key, found)

    def all(self) -> tuple[CiCredential, ...]:
        """What was found, in the order of the file; without lines where they mean nothing to people."""
        found = sorted(self._found.values(), key=lambda one: (one.line or 0, one.form, one.place))
        if self._lines:
            return tuple(found)
        bare: dict[tuple[str, str, str | None], CiCredential] = {}
        for one in found:
            bare.setdefault(
                (one.form, one.place, one.job),
                CiCredential(
                    form=one.form,
                    place=one.place,
                    job=one.job,
                    certain=one.certain,
                    throwaway=one.throwaway,
                ),
            )
        return tuple(bare.values())


def variable_blocks(node: Node | None) -> Iterable[Node]:
    """The `variables` of a job or of the file, its rules' included."""
    if not isinstance(node, Tree):
        return
    own = node.get("variables")
    if own is not None:
        yield own
    rules = node.get("rules")
    for entry in rules.items if isinstance(rules, Items) else ():
        if isinstance(entry, Tree) and (block := entry.get("variables")) is not None:
            yield block


def _lines_of(value: Scalar) -> range:
    """The lines that a value may stand on; where they are folded into one, each blank may be a line's end."""
    if HIDDEN not in value.text:
        return range(value.line, value.line + 1)
    if value.first is None:
        return range(value.line, value.line + 2 + len(value.text.split()))
    return range(value.line, value.first + 1 + value.text.count("\n"))


def _place(line: str) -> str:
    if line.lstrip().startswith("#"):
        return "a comment"
    match = _KEY.match(line)
    if match is None or len(match[1]) > 100 or mask(match[1]) != match[1]:
        return "its text"
    name = match[1]
    return f"the variable {name}" if name.isupper() else f"`{name}`"
