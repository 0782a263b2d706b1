"""Script text to commands, with the shell grammar of tree-sitter, which makes something of any text whatever.

Source: tree-sitter-bash, `src/grammar.json`, for the names of nodes. (bashlex was considered: it gives up on much that
scripts hold, and its licence is not ours to take.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from bot.adapters.ci.bounds import MAX_SHELL_DEPTH, Beyond
from bot.adapters.ci.wrappers import unwrap
from bot.domain.ci import CiAssignment, CiCommand

_PARSER = Parser(Language(tree_sitter_bash.language()))
_SUBSTITUTIONS = ("command_substitution", "process_substitution")
_EXPANSIONS = ("simple_expansion", "expansion")
_HARMLESS = frozenset({"true", ":", "echo", "printf"})  # programs that always succeed
_VALUE = re.compile(r"[A-Za-z0-9$_./:@%+,=~{}-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What stands around a command and matters to it."""

    line: int | None
    feeds: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    tolerated: bool = False


def read_commands(text: str, first: int | None) -> tuple[CiCommand, ...]:
    """The commands of one script entry, in the order they stand; `first` is the line its text begins on.

    Raises: Beyond.
    """
    root = _PARSER.parse(text.encode(errors="replace")).root_node
    _bound_depth(root)
    return tuple(_commands(root, _Around(line=first)))


def _bound_depth(root: Node) -> None:
    """What follows recurses; so it begins only where that ends in time."""
    level = [root]
    for _ in range(MAX_SHELL_DEPTH):
        level = [child for node in level for child in node.named_children]
        if not level:
            return
    raise Beyond("a script nests commands too deep")


def _commands(node: Node, around: _Around) -> Iterator[CiCommand]:
    match node.type:
        case "command":
            yield from _command(node, around)
        case "declaration_command" | "unset_command" | "test_command":
            yield from _other(node, around)
        case "variable_assignment":
            yield _built((), (_assignment(node),), node, around)
            yield from _within(node, _into("=", around))
        case "pipeline":
            yield from _pipeline(node, around)
        case "list":
            yield from _list(node, around)
        case "redirected_statement":
            yield from _redirected(node, around)
        case "word" | "string" | "raw_string" | "comment":
            if node.parent is not None and node.parent.type == "ERROR":
                yield _built((_word(node),), (), node, around)
            yield from _within(node, around)
        case _:
            for child in node.named_children:
                yield from _commands(child, around)


def _command(node: Node, around: _Around) -> Iterator[CiCommand]:
    assigns = tuple(_assignment(child) for child in node.named_children if child.type == "variable_assignment")
    skipped = ("variable_assignment", "herestring_redirect", "heredoc_redirect", "file_redirect", "comment")
    words = [_word(child) for child in node.named_children if child.type not in skipped]
    direct = _redirects([child for child in node.named_children if child.type in skipped], around)
    command = _built(tuple(words), assigns, node, direct)
    yield command
    yield from _within(node, _into(command.words[0] if command.words else "=", direct))


def _other(node: Node, around: _Around) -> Iterator[CiCommand]:
    """`export A=b`, `unset A`, `[ -n "$A" ]`: the first word is what it begins with."""
    assigns = tuple(_assignment(child) for child in node.named_children if child.type == "variable_assignment")
    first = _text(node.children[0]) if node.children else ""
    words = tuple(_word(child) for child in node.named_children if child.type in ("word", "variable_name"))
    yield _built((first, *words), assigns, node, around)
    yield from _within(node, _into(first, around))


def _into(program: str, around: _Around) -> _Around:
    """What is around a substitution whose output becomes an argument of that program."""
    return replace(around, feeds=(program, *around.feeds), reads=frozenset())


def _within(node: Node, around: _Around) -> Iterator[CiCommand]:
    """The commands of substitutions anywhere in a node."""
    for child in node.named_children:
        if child.type in _SUBSTITUTIONS:
            for inner in child.named_children:
                yield from _commands(inner, around)
        elif child.named_child_count:
            yield from _within(child, around)


def _pipeline(node: Node, around: _Around) -> Iterator[CiCommand]:
    parts = [child for child in node.named_children if child.type != "comment"]
    names = [_program(part) for part in parts]
    for at, part in enumerate(parts):
        yield from _commands(part, replace(around, feeds=(*names[at + 1 :], *around.feeds)))


def _list(node: Node, around: _Around) -> Iterator[CiCommand]:
    parts = node.named_children
    ors = any(child.type == "||" for child in node.children)
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        forgiven = ors and not last and _always_succeeds(parts[-1])
        writes = around.writes if last else ()
        yield from _commands(part, replace(around, tolerated=around.tolerated or forgiven, writes=writes))


def _redirected(node: Node, around: _Around) -> Iterator[CiCommand]:
    body = node.child_by_field_name("body")
    redirects = [child for child in node.named_children if child != body]
    if body is None:
        around = _redirects(redirects, around)
        yield _built((), (), node, around)
    else:
        yield from _commands(body, _redirects(redirects, around))
    for redirect in redirects:
        yield from _within(redirect, around)


def _redirects(redirects: list[Node], around: _Around) -> _Around:
    """What is around a command once its redirections are read."""
    writes, reads = around.writes, around.reads
    for redirect in redirects:
        if redirect.type in ("heredoc_redirect", "herestring_redirect"):
            reads |= _reads(redirect)
        elif redirect.type == "file_redirect":
            descriptor = redirect.child_by_field_name("descriptor")
            operator = next((child.type for child in redirect.children if not child.is_named), "")
            target = redirect.child_by_field_name("destination")
            if target is None or operator.startswith("<") or (descriptor is not None and _text(descriptor) != "1"):
                continue
            if operator == ">&" and target.type == "number":
                continue  # still the job log
            written = _word(target)
            writes = (*writes, "-" if written == "/dev/null" else written)
    return replace(around, writes=writes, reads=reads)


def _built(words: tuple[str, ...], assigns: tuple[CiAssignment, ...], node: Node, around: _Around) -> CiCommand:
    bare = unwrap(words)
    return CiCommand(
        words=bare.words,
        line=None if around.line is None else around.line + node.start_point.row,
        assigns=(*assigns, *bare.assigns),
        installs=bare.installs,
        reads=_reads(node) | around.reads,
        feeds=around.feeds,
        writes=around.writes,
        tolerated=around.tolerated,
    )


def _assignment(node: Node) -> CiAssignment:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    spoken = "" if value is None else _word(value)
    return CiAssignment(name="" if name is None else _text(name), value=spoken if "$(" not in spoken else None)


def _always_succeeds(node: Node) -> bool:
    """Whether what stands after `||` lets the script go on."""
    command = node
    while command.type not in ("command", "simple_expansion", "word") and command.named_children:
        body = command.child_by_field_name("body")
        command = body if body is not None else command.named_children[-1]
    words = unwrap(_words(command)).words
    return bool(words) and (words[0] in _HARMLESS or words[:2] == ("exit", "0"))


def _words(command: Node) -> tuple[str, ...]:
    return tuple(_word(child) for child in command.named_children if child.type != "variable_assignment")


def _program(node: Node) -> str:
    """The program that a part of a pipeline runs."""
    while node.type != "command" and node.named_children:
        body = node.child_by_field_name("body")
        node = body if body is not None else node.named_children[0]
    words = unwrap(_words(node)).words
    return words[0] if words else ""


def _reads(node: Node) -> frozenset[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.type in _EXPANSIONS:
            found.update(_text(child) for child in here.named_children if child.type == "variable_name")
        waiting.extend(here.named_children)
    return frozenset(found)


def _word(node: Node, depth: int = 0) -> str:
    """A word as the program sees it: without quotes, `$NAME` or `${NAME}` for expansions, `$(…)` for commands."""
    match node.type:
        case "string" | "concatenation" | "command_name" if depth < MAX_SHELL_DEPTH:
            return _joined(node, depth)
        case "raw_string":
            return _text(node)[1:-1]
        case "ansi_c_string":
            return _text(node)[2:-1]
        case "simple_expansion" | "expansion":
            name = next((child for child in node.named_children if child.type == "variable_name"), None)
            if name is None:
                return _text(node)
            return f"${_text(name)}" if node.type == "simple_expansion" else f"${{{_text(name)}}}"
        case "command_substitution":
            return "$(…)"
        case "process_substitution":
            return "<(…)"
        case _:
            return re.sub(r"\\(.)", r"\1", _text(node))


def _joined(node: Node, depth: int) -> str:
    """The parts of a string or of a concatenation, with the text between them."""
    source, at = _text(node), node.start_byte
    raw = source.encode()
    pieces: list[str] = []
    position = at
    for child in node.named_children:
        if child.type == "string_content":
            continue
        pieces.append(raw[position - at : child.start_byte - at].decode(errors="replace"))
        pieces.append(_word(child, depth + 1))
        position = child.end_byte
    pieces.append(raw[position - at :].decode(errors="replace"))
    if node.type == "string":
        joined = "".join(pieces)
        return joined.removeprefix('"').removesuffix('"')
    return "".join(pieces)


def _text(node: Node) -> str:
    return "" if node.text is None else node.text.decode(errors="replace")
