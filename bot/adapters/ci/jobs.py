"""One job's tree to its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.adapters.ci.bounds import MAX_TEXT, Beyond
from bot.adapters.ci.credentials import Credentials, variable_blocks
from bot.adapters.ci.fields import (
    as_lines,
    flag_of,
    flattened,
    inherited_of,
    keyword,
    matrix_of,
    named,
    names_in,
    refs_of,
    rules_of,
    scalars_of,
    shown,
    text_of,
    texts_of,
    tokens_of,
    unexpanded,
    variables_of,
)
from bot.adapters.ci.script import Entry, read_entry
from bot.adapters.ci.tree import Items, Node, Scalar, Tree
from bot.adapters.ci.uploads import builds, publisher_of
from bot.domain.ci import CiJob, CiLine

_Getter: TypeAlias = Callable[[str], "Node | None"]
_SCRIPTS = ("before_script", "script", "after_script")


@dataclass(slots=True, kw_only=True)
class JobReader:
    """Reads the jobs of one file. `defaults` has what a job inherits by key."""

    defaults: dict[str, Node]
    credentials: Credentials
    lines: bool
    characters: int = 0
    entries: dict[tuple[str, int], Entry] = field(default_factory=dict)

    def read(self, name: str, tree: Tree, *, line: int | None, complete: bool) -> CiJob:
        """The facts of a job. Raises: Beyond."""
        get = _Inherited(tree, self.defaults).get
        script = tuple(self._script(name, get, tree))
        commands = [command for entry in script for command in entry.commands]
        publisher = publisher_of(commands)
        variables = self.variables(name, tree)
        image, when = named(get("image")), text_of(tree.get("when")) or "on_success"
        gates = rules_of(tree.get("rules"), when)
        only, only_if = refs_of(tree.get("only"))
        excepts, except_if = refs_of(tree.get("except"))
        trigger = tree.get("trigger")
        artifacts = get("artifacts")
        return CiJob(
            name=name,
            line=line,
            stage=text_of(tree.get("stage")) or "test",
            image=image,
            script=script,
            publishes=bool(publisher),
            publisher=publisher,
            builds=builds(commands),
            uses=frozenset(_uses(script, variables.values(), image)),
            variables=variables,
            environment=named(tree.get("environment")),
            rules=None if gates is None else tuple((gate.condition, gate.when) for gate in gates),
            gates=gates,
            only=only,
            only_if=only_if,
            excepts=excepts,
            except_if=except_if,
            id_tokens=tokens_of(get("id_tokens")),
            own_id_tokens=tree.get("id_tokens") is not None,
            when=when,
            allow_failure=flag_of(tree.get("allow_failure")),
            needs=_needs(tree.get("needs")),
            optional_needs=_optional(tree.get("needs")),
            dependencies=None if (taken := tree.get("dependencies")) is None else texts_of(taken),
            trigger=trigger is not None,
            forwards=flag_of(keyword(keyword(trigger, "forward"), "pipeline_variables")) is True,
            artifacts=texts_of(keyword(artifacts, "paths")),
            dotenv=texts_of(keyword(keyword(artifacts, "reports"), "dotenv")),
            complete=complete,
            matrix=matrix_of(tree.get("parallel")),
            inherits=inherited_of(tree.get("inherit")),
            lines=as_lines(tree.lines, kept=self.lines),
        )

    def variables(self, name: str | None, tree: Tree) -> dict[str, str]:
        """A tree's `variables`, secrets hidden; those that it finds hidden are told of."""
        for block in variable_blocks(tree):
            self.credentials.add_variables(variables_of(block), name)
        own = tree.get("variables")
        plain = unexpanded(own)
        found = {key: shown(key, value) for key, value in variables_of(own)}
        return {key: value.replace("$", "$$") if key in plain else value for key, value in found.items()}

    def _script(self, name: str, get: _Getter, tree: Tree) -> Iterable[CiLine]:
        nodes: list[tuple[Node | None, bool]] = [(get(key), key == _SCRIPTS[-1]) for key in _SCRIPTS]
        steps = flattened(tree.get("run")) if isinstance(tree.get("run"), Items) else ()
        nodes += [(keyword(step, "script"), False) for step in steps]
        for node, after in nodes:
            for scalar in scalars_of(node):
                self.characters += len(scalar.text) + 1
                if self.characters > MAX_TEXT:
                    raise Beyond("its jobs have more than 4 MiB of scripts")
                entry = self._entry(scalar)
                self.credentials.add_literals(entry.literals, name)
                yield replace(entry.line, after=True) if after else entry.line

    def _entry(self, scalar: Scalar) -> Entry:
        key = (scalar.text, scalar.line)
        if key not in self.entries:
            self.entries[key] = read_entry(scalar, lines=self.lines)
        return self.entries[key]


class _Inherited:
    """A job's keys, then the default ones that it does not refuse."""

    def __init__(self, tree: Tree, defaults: dict[str, Node]) -> None:
        self._tree = tree
        wanted = keyword(tree.get("inherit"), "default")
        if isinstance(wanted, Items):
            kept = set(texts_of(wanted))
            self._defaults = {key: node for key, node in defaults.items() if key in kept}
        else:
            refused = isinstance(wanted, Scalar) and not wanted.true
            self._defaults = {} if refused else defaults

    def get(self, key: str) -> Node | None:
        node = self._tree.get(key)
        return self._defaults.get(key) if node is None and key not in self._tree.entries else node


def _uses(script: Iterable[CiLine], values: Iterable[str], image: str | None) -> Iterable[str]:
    for line in script:
        yield from names_in(line.text)
    for value in (*values, image or ""):
        yield from names_in(value)


def _needs(node: Node | None) -> tuple[str, ...] | None:
    """Of this pipeline: what is needed of another one, or of another project's, orders nothing here."""
    if node is None:
        return None
    here = (
        entry for entry in flattened(node) if keyword(entry, "pipeline") is None and keyword(entry, "project") is None
    )
    found = (text_of(entry) or text_of(keyword(entry, "job")) for entry in here)
    return tuple(name for name in found if name)


def _optional(node: Node | None) -> frozenset[str]:
    found = (entry for entry in flattened(node) if flag_of(keyword(entry, "optional")))
    return frozenset(name for entry in found if (name := text_of(keyword(entry, "job"))))
