"""Nodes of the shell's grammar to the words that programs see."""

from __future__ import annotations

import re

from tree_sitter import Node

from bot.adapters.ci.bounds import MAX_SHELL_DEPTH

_EXPANSIONS = ("simple_expansion", "expansion")
_FALLBACKS = frozenset({":-", "-", ":=", "="})
_INSTEAD = frozenset({":+", "+"})  # says something else where the variable is set
_BEFORE = frozenset({"#", "!"})  # before the name: its length, or the value of the variable that it names
_DOLLAR = re.compile(r"\$(?=[A-Za-z_{])")
SAID = "$(…)"  # what nobody knows before it runs


def read_in(node: Node) -> frozenset[str]:
    """The variables that are expanded anywhere in a node."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.type in _EXPANSIONS:
            found.update(text_of(child) for child in here.named_children if child.type == "variable_name")
        waiting.extend(here.named_children)
    return frozenset(found)


def word(node: Node, depth: int = 0) -> str:
    """A word as the program sees it: without quotes, `$NAME` or `${NAME}` for expansions, `$(…)` for commands."""
    match node.type:
        case "string" | "concatenation" | "command_name" if depth < MAX_SHELL_DEPTH:
            return _joined(node, depth)
        case "raw_string":
            return _DOLLAR.sub(r"\\$", text_of(node)[1:-1])
        case "ansi_c_string":
            return _DOLLAR.sub(r"\\$", text_of(node)[2:-1])
        case "simple_expansion" | "expansion":
            return _expansion(node)
        case "command_substitution":
            return SAID
        case "process_substitution":
            return "<(…)"
        case _:
            return re.sub(r"\\([^$])", r"\1", text_of(node))


def _expansion(node: Node) -> str:
    """A variable's value as far as it is that."""
    place = next((at for at, child in enumerate(node.children) if child.type == "variable_name"), None)
    if place is None:
        return text_of(node)
    name = text_of(node.children[place])
    before = {child.type for child in node.children[:place]}
    behind = {child.type for child in node.children[place:]}
    if before & _BEFORE or behind & _INSTEAD:
        return SAID
    if behind & _FALLBACKS:
        return f"${{{name}:-…}}"
    return f"${name}" if node.type == "simple_expansion" else f"${{{name}}}"


def _joined(node: Node, depth: int) -> str:
    """The parts of a string or of a concatenation, with the text between them."""
    source, at = text_of(node), node.start_byte
    raw = source.encode()
    pieces: list[str] = []
    position = at
    for child in node.named_children:
        if child.type == "string_content":
            continue
        pieces.append(raw[position - at : child.start_byte - at].decode(errors="replace"))
        pieces.append(word(child, depth + 1))
        position = child.end_byte
    pieces.append(raw[position - at :].decode(errors="replace"))
    if node.type == "string":
        joined = "".join(pieces)
        return joined.removeprefix('"').removesuffix('"')
    return "".join(pieces)


def text_of(node: Node) -> str:
    """The text of a node, as it stands."""
    return "" if node.text is None else node.text.decode(errors="replace")
