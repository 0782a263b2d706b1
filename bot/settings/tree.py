"""YAML text to plain data that remembers its lines.

A configuration needs little of YAML, and what it does not need has hurt others: aliases and merge keys grow without
bound, tags build objects, `no` becomes a boolean and `1.10` a number. So only mappings, sequences and scalars are read,
from the parser's events, without recursion, and a plain scalar is a boolean, a null or a whole number only where nobody
could mean anything else (`true`, `null`, `8930`); all other scalars are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from bot.domain.errors import ConfigError
from bot.settings.problems import shown

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16  # the deepest key of the configuration lies at 4

Plain: TypeAlias = "bool | int | str | list[Plain] | dict[str, Plain] | None"
KeyPath: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One parsed file. `label` is its name in messages; `lines` holds the line (from 1) of every key and item."""

    label: str
    data: dict[str, Plain]
    lines: dict[KeyPath, int]

    def where(self, path: KeyPath = ()) -> str:
        """`FILE:LINE` of the key or item at `path`, or of its nearest ancestor that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.label}:{self.lines.get(path, 1)}"

    def texts(self) -> Iterator[tuple[KeyPath, str]]:
        """Every text value with its path, in no particular order."""
        todo: list[tuple[KeyPath, Plain]] = [((), self.data)]
        while todo:
            path, value = todo.pop()
            if isinstance(value, str):
                yield path, value
            elif isinstance(value, dict):
                todo.extend(((*path, key), child) for key, child in value.items())
            elif isinstance(value, list):
                todo.extend(((*path, place), child) for place, child in enumerate(value))


def parse(raw: bytes, label: str, begins: str = "gitlab") -> Tree:
    """Read one file's bytes; its top level must be a mapping. An empty file is an empty mapping.

    `begins` is a key such a file has, for a message to name.

    Raises: ConfigError for anything that is not small, plain YAML, with the line.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"the file has {len(raw)} bytes, more than the {MAX_BYTES} allowed", f"{label}:1", "Shorten it"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("the file is not UTF-8", f"{label}:{line}", "Save it as UTF-8") from None
    builder = _Builder(label, begins)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise ConfigError(what, f"{label}:{line}", "Remove it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"not valid YAML: {_problem(error)}", f"{label}:{line}", _advice(error)) from None
    return builder.tree()


def _problem(error: yaml.MarkedYAMLError) -> str:
    """The parser's own words; its excerpt of the file stays out, for it may hold what should not be shown."""
    context = f"{error.context}, " if error.context else ""
    return shown(f"{context}{error.problem or 'it cannot be read'}", limit=200)


def _advice(error: yaml.MarkedYAMLError) -> str:
    if "\\t" in (error.problem or ""):
        return "Indent with spaces, not with tabs"
    return "Check indentation, colons and quotes on this line and the one above; texts with : # * & ! need quotes"


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    path: KeyPath
    value: dict[str, Plain] | list[Plain]
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Turns events into data. A method a kind of event; refuses what a configuration has no use for."""

    label: str
    begins: str
    root: Plain = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        """Add what one event says."""
        match event:
            case yaml.DocumentStartEvent():
                self._document(event)
            case yaml.AliasEvent():
                raise self._refusal(event, "an alias (`*name`) is not allowed", "Write the value out")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {})
            case yaml.SequenceStartEvent():
                self._open(event, [])
            case yaml.CollectionEndEvent():
                self.stack.pop()

    def tree(self) -> Tree:
        """All events are in: the result."""
        if self.root is None:
            return Tree(label=self.label, data={}, lines={})
        if not isinstance(self.root, dict):
            what = f"the file is {kind_of(self.root)}, not keys with values"
            raise ConfigError(what, f"{self.label}:1", f"Start with `{self.begins}:`")
        return Tree(label=self.label, data=self.root, lines=self.lines)

    def _refusal(self, event: yaml.Event, what: str, remedy: str) -> ConfigError:
        return ConfigError(what, f"{self.label}:{_line(event)}", remedy)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self._refusal(event, "a second document (`---`) is not allowed", "Keep one document per file")
        if event.tags:
            raise self._refusal(event, "a %TAG line is not allowed", "Remove it")

    def _check_node(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if event.anchor is not None:
            raise self._refusal(event, "an anchor (`&name`) is not allowed", "Write the value out where it is needed")
        if tag is not None:
            raise self._refusal(event, f"a tag (`{shown(tag)}`) is not allowed", "Remove it; quotes make a text")

    def _open(self, event: yaml.CollectionStartEvent, value: dict[str, Plain] | list[Plain]) -> None:
        self._check_node(event, event.tag)
        if len(self.stack) >= MAX_DEPTH:
            raise self._refusal(event, f"the file is nested deeper than {MAX_DEPTH} levels", "Flatten it")
        self.stack.append(_Open(self._place(event, value), value))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._check_node(event, event.tag)
        parent = self.stack[-1] if self.stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._key(parent, parent.value, event)
        else:
            self._place(event, event.value if event.style else _plain(event.value))

    def _key(self, parent: _Open, mapping: dict[str, Plain], event: yaml.ScalarEvent) -> None:
        key = event.value
        if key == "<<" and not event.style:
            raise self._refusal(event, "a merge key (`<<`) is not allowed", "Write the keys out")
        path = (*parent.path, key)
        if key in mapping:
            first = self.lines[path]
            raise self._refusal(event, f"`{shown(key)}` stands here a second time, first on line {first}", "Keep one")
        self.lines[path] = _line(event)
        parent.key = key

    def _place(self, event: yaml.NodeEvent, value: Plain) -> KeyPath:
        """Put a value where it belongs; returns its path."""
        if not self.stack:
            self.root = value
            return ()
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            path: KeyPath = (*parent.path, len(parent.value))
            parent.value.append(value)
            self.lines[path] = _line(event)
            return path
        if parent.key is None:
            raise self._refusal(event, "a key must be a plain word", "Write `key: value`")
        path = (*parent.path, parent.key)
        parent.value[parent.key] = value
        parent.key = None
        return path


def _line(event: yaml.Event) -> int:
    """The line an event begins on, from 1."""
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _plain(text: str) -> bool | int | str | None:
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def kind_of(value: Plain) -> str:
    """What a value is, in words for a message."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
