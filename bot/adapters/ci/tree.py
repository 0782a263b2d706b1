"""YAML text to a small tree that knows its lines, within bounds, as Psych (and so GitLab) reads it.

The events are libyaml's, which Psych uses as well; the tree is built here because PyYAML's own composer recurses, knows
no bounds, and resolves merge keys by another order than Psych.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from bot.adapters.ci.bounds import MAX_BYTES, MAX_DEPTH, MAX_GROWTH, MAX_NODES, Beyond
from bot.adapters.ci.masking import mask

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_HUGE = 1 << 40  # sizes are not counted further
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "yes", "on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value as text. `first` is the line its text begins on, None where lines are folded into others."""

    text: str
    line: int
    plain: bool = True
    first: int | None = None
    hexadecimal: int = 0

    @property
    def null(self) -> bool:
        """Whether YAML reads it as nothing."""
        return self.plain and self.text in _NULLS

    @property
    def true(self) -> bool:
        """Whether YAML reads it as true."""
        return self.plain and self.text.lower() in _TRUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A mapping; of equal keys the last one counts. `lines` has the line of each key."""

    entries: Mapping[str, Node]
    lines: Mapping[str, int]
    line: int

    def get(self, key: str) -> Node | None:
        """The value of a key; None where it is missing or null."""
        node = self.entries.get(key)
        return None if isinstance(node, Scalar) and node.null else node


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A `!reference [job, keyword, …]`."""

    path: tuple[str, ...]
    line: int


Node: TypeAlias = Scalar | Items | Tree | Reference


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet, or has: `pairs` of a mapping are its children, two by two."""

    line: int
    mapping: bool
    reference: bool
    children: list[_Raw] = field(default_factory=list)
    size: int = 1
    depth: int = 1
    closed: bool = False


_Raw: TypeAlias = "Scalar | _Open"


def read_trees(text: str) -> list[Tree]:
    """The documents of a text that are mappings, the first two at most; empty for an empty text. Raises: Beyond."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Beyond("it is not text in UTF-8") from error
    if size > MAX_BYTES:
        raise Beyond("it is larger than 1 MiB")
    try:
        documents = list(_documents(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = getattr(mark, "line", None)
        where = f" (line {line + 1})" if isinstance(line, int) else ""
        raise Beyond(f"it is not YAML{where}") from None  # the library's own words may quote the file
    except (ValueError, RecursionError) as error:
        raise Beyond("it is not YAML") from error
    return documents


def _documents(text: str) -> Iterator[Tree]:
    count = 0
    for root in _Composer().compose(text):
        node = _finish(root, {})
        if isinstance(node, Scalar) and node.null:
            continue
        if not isinstance(node, Tree):
            raise Beyond("it is not a mapping")
        count += 1
        yield node
        if count == 2:  # GitLab reads a `spec:` header and one document
            return


class _Composer:
    """Builds raw nodes from events and counts: own nodes, and what aliases would make of them."""

    def __init__(self) -> None:
        self.own = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[_Raw, int, int]] = {}

    def compose(self, text: str) -> Iterator[_Raw]:
        for event in yaml.parse(text, Loader=_LOADER):
            done: tuple[_Raw, int, int] | None = None
            if isinstance(event, yaml.DocumentStartEvent):
                self.own, self.anchors = 0, {}
            elif isinstance(event, yaml.ScalarEvent):
                done = (self._scalar(event), 1, 0)
            elif isinstance(event, yaml.AliasEvent):
                done = self._alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                ended = self._end()
                done = (ended, ended.size, ended.depth)
            if done is not None and not self._place(*done):
                if done[1] > MAX_GROWTH * max(self.own, 1):
                    raise Beyond("its aliases make it more than ten times as large")
                yield done[0]

    def _count(self) -> None:
        self.own += 1
        if self.own > MAX_NODES:
            raise Beyond(f"it has more than {MAX_NODES:,} values")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._count()
        style, line = event.style, _line(event)
        ends = line if event.end_mark is None else event.end_mark.line + 1
        first = line + 1 if style == "|" else line if ends == line else None
        value: str = event.value
        digits = len(value) if len(value) in (40, 64) and all(c in "0123456789abcdef" for c in value) else 0
        plain = event.implicit[0]
        scalar = Scalar(text=mask(value), line=line, plain=plain, first=first, hexadecimal=digits)
        if event.anchor is not None:
            self.anchors[event.anchor] = (scalar, 1, 0)
        return scalar

    def _alias(self, event: yaml.AliasEvent) -> tuple[_Raw, int, int]:
        self._count()
        known = self.anchors.get(event.anchor or "")
        if known is None or (isinstance(known[0], _Open) and not known[0].closed):
            raise Beyond(f"an alias leads nowhere or into itself (line {_line(event)})")
        raw, size, depth = known
        if isinstance(raw, _Open):
            size, depth = raw.size, raw.depth
        return raw, size, depth

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._count()
        if len(self.stack) >= MAX_DEPTH:
            raise Beyond(f"it is nested more than {MAX_DEPTH} levels deep")
        mapping = isinstance(event, yaml.MappingStartEvent)
        reference = event.tag == "!reference" and not mapping
        line = _line(event)
        opened = _Open(line=line, mapping=mapping, reference=reference)
        if event.anchor is not None:
            self.anchors[event.anchor] = (opened, 0, 0)
        self.stack.append(opened)

    def _end(self) -> _Open:
        ended = self.stack.pop()
        ended.closed = True
        return ended

    def _place(self, raw: _Raw, size: int, depth: int) -> bool:
        """Put a node where it belongs; False for the root of a document."""
        if not self.stack:
            return False
        above = self.stack[-1]
        above.children.append(raw)
        above.size = min(above.size + size, _HUGE)
        above.depth = max(above.depth, depth + 1)
        if above.depth > MAX_DEPTH:
            raise Beyond(f"it is nested more than {MAX_DEPTH} levels deep")
        return True


def _line(event: yaml.Event) -> int:
    return 0 if event.start_mark is None else event.start_mark.line + 1


def _finish(raw: _Raw, known: dict[int, Node]) -> Node:
    """The raw node as a tree with its merge keys resolved. What it costs is bounded by the counts of its composer."""
    if isinstance(raw, Scalar):
        return raw
    if id(raw) not in known:
        known[id(raw)] = _collection(raw, known)
    return known[id(raw)]


def _collection(raw: _Open, known: dict[int, Node]) -> Node:
    if not raw.mapping:
        items = tuple(_finish(child, known) for child in raw.children)
        if raw.reference:
            return Reference(path=tuple(i.text for i in items if isinstance(i, Scalar)), line=raw.line)
        return Items(items=items, line=raw.line)
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in zip(raw.children[::2], raw.children[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise Beyond(f"a key is not text (line {key.line})")
        node = _finish(value, known)
        merged = _merged(key, node)
        if merged is None:
            entries[key.text], lines[key.text] = node, key.line
        else:
            entries |= merged.entries
            lines |= merged.lines
    return Tree(entries=entries, lines=lines, line=raw.line)


def _merged(key: Scalar, node: Node) -> Tree | None:
    """What `<<` brings; None for any other key. Psych lets it override what stands before it."""
    if key.text != "<<" or not key.plain:
        return None
    if isinstance(node, Tree):
        return node
    if not isinstance(node, Items) or not all(isinstance(item, Tree) for item in node.items):
        return None
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for item in reversed(node.items):
        if isinstance(item, Tree):
            entries |= item.entries
            lines |= item.lines
    return Tree(entries=entries, lines=lines, line=node.line)
