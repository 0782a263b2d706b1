"""Script text to commands, with the shell grammar of tree-sitter, which makes something of any text whatever.

Source: tree-sitter-bash, `src/grammar.json`, for the names of nodes. (bashlex was considered: it gives up on much that
scripts hold, and its licence is not ours to take.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from bot.adapters.ci.bounds import MAX_SHELL_DEPTH, Beyond
from bot.adapters.ci.shell_words import read_in, text_of, word
from bot.adapters.ci.wrappers import unwrap
from bot.domain.ci import CiAssignment, CiCommand

_PARSER = Parser(Language(tree_sitter_bash.language()))
_SUBSTITUTIONS = ("command_substitution", "process_substitution")
_HARMLESS = frozenset({"true", ":", "echo", "printf"})  # programs that always succeed
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_GIVEN = re.compile(r"-[a-z]*c")
_MOST_NESTED = 3  # shells within shells
_ASKS = frozenset({"test", "[", "[[", "grep", "egrep", "diff", "cmp", "false"})
_VALUE = re.compile(r"[A-Za-z0-9$_./:@%+,=~{}-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What stands around a command and matters to it."""

    line: int | None
    feeds: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    tolerated: bool = False
    doubtful: bool = False
    apart: bool = False
    depth: int = 0


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
        case "if_statement" | "while_statement" | "case_statement" | "elif_clause":
            yield from _decided(node, around)
        case "function_definition":
            for child in node.named_children:
                yield from _commands(child, replace(around, doubtful=True))
        case "subshell":
            for child in node.named_children:
                yield from _commands(child, replace(around, apart=True))
        case "word" | "string" | "raw_string" | "comment":
            if node.parent is not None and node.parent.type == "ERROR":
                yield _built((word(node),), (), node, around)
            yield from _within(node, around)
        case _:
            for child in node.named_children:
                yield from _commands(child, around)


def _decided(node: Node, around: _Around) -> Iterator[CiCommand]:
    """What a condition decides about, and the condition itself, which is always looked at but for that of an `elif`."""
    decided = node.type == "elif_clause"
    for child in node.children:
        decided = decided or child.type in ("then", "do_group", "case_item")
        if child.is_named:
            yield from _commands(child, replace(around, doubtful=around.doubtful or decided))


def _command(node: Node, around: _Around) -> Iterator[CiCommand]:
    assigns = tuple(_assignment(child) for child in node.named_children if child.type == "variable_assignment")
    skipped = ("variable_assignment", "herestring_redirect", "heredoc_redirect", "file_redirect", "comment")
    words = [word(child) for child in node.named_children if child.type not in skipped]
    direct = _redirects([child for child in node.named_children if child.type in skipped], around)
    command = _built(tuple(words), assigns, node, direct)
    yield command
    yield from _spoken(command, direct)
    yield from _within(node, _into(command.words[0] if command.words else "=", direct))


def _spoken(command: CiCommand, around: _Around) -> Iterator[CiCommand]:
    """The commands that a shell is given as an argument: `bash -c 'twine upload'`."""
    if command.words[:1] and command.words[0] in _SHELLS:
        texts = [text for flag, text in pairwise(command.words) if _GIVEN.fullmatch(flag)]
        for text in texts[:1] if around.depth < _MOST_NESTED else ():
            inner = replace(around, apart=True, depth=around.depth + 1)
            root = _PARSER.parse(text.replace("\\$", "$").encode(errors="replace")).root_node
            _bound_depth(root)
            for found in _commands(root, inner):
                yield replace(found, line=command.line)


def _other(node: Node, around: _Around) -> Iterator[CiCommand]:
    """`export A=b`, `unset A`, `[ -n "$A" ]`: the first word is what it begins with."""
    assigns = tuple(_assignment(child) for child in node.named_children if child.type == "variable_assignment")
    first = text_of(node.children[0]) if node.children else ""
    words = tuple(word(child) for child in node.named_children if child.type in ("word", "variable_name"))
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
        doubtful = around.doubtful or (at > 0 and (ors or _asks(parts[at - 1])))
        inner = replace(around, tolerated=around.tolerated or forgiven, writes=writes, doubtful=doubtful)
        yield from _commands(part, inner)


def _asks(node: Node) -> bool:
    """Whether something is a question rather than work: what follows its `&&` depends on the answer."""
    if node.type == "list" and node.named_children:
        return any(map(_asks, node.named_children))
    return node.type in ("test_command", "negated_command") or _program(node) in _ASKS


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
            reads |= read_in(redirect)
        elif redirect.type == "file_redirect":
            descriptor = redirect.child_by_field_name("descriptor")
            operator = next((child.type for child in redirect.children if not child.is_named), "")
            target = redirect.child_by_field_name("destination")
            if target is None or operator.startswith("<") or (descriptor is not None and text_of(descriptor) != "1"):
                continue
            if operator == ">&" and target.type == "number":
                continue  # still the job log
            written = word(target)
            writes = (*writes, "-" if written == "/dev/null" else written)
    return replace(around, writes=writes, reads=reads)


def _built(words: tuple[str, ...], assigns: tuple[CiAssignment, ...], node: Node, around: _Around) -> CiCommand:
    bare = unwrap(words)
    return CiCommand(
        words=bare.words,
        line=None if around.line is None else around.line + node.start_point.row,
        assigns=(*assigns, *bare.assigns),
        installs=bare.installs,
        reads=read_in(node) | around.reads,
        feeds=around.feeds,
        writes=around.writes,
        tolerated=around.tolerated,
        doubtful=around.doubtful,
        apart=around.apart,
    )


def _assignment(node: Node) -> CiAssignment:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    spoken = "" if value is None else word(value)
    return CiAssignment(name="" if name is None else text_of(name), value=spoken if "$(" not in spoken else None)


def _always_succeeds(node: Node) -> bool:
    """Whether what stands after `||` lets the script go on."""
    command = node
    while command.type not in ("command", "simple_expansion", "word") and command.named_children:
        body = command.child_by_field_name("body")
        command = body if body is not None else command.named_children[-1]
    words = unwrap(_words(command)).words
    return bool(words) and (words[0] in _HARMLESS or words[:2] == ("exit", "0"))


def _words(command: Node) -> tuple[str, ...]:
    return tuple(word(child) for child in command.named_children if child.type != "variable_assignment")


def _program(node: Node) -> str:
    """The program that a part of a pipeline runs."""
    while node.type != "command" and node.named_children:
        body = node.child_by_field_name("body")
        node = body if body is not None else node.named_children[0]
    words = unwrap(_words(node)).words
    return words[0] if words else ""
