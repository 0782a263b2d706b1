"""`!reference` and `extends`, resolved as GitLab does where this file defines what they name.

Source: gitlabhq, lib/gitlab/ci/config/yaml/tags/resolver.rb, lib/gitlab/ci/config/extendable/entry.rb.
"""

from __future__ import annotations

from bot.adapters.ci.bounds import MAX_NESTING, MAX_WORK, Beyond
from bot.adapters.ci.tree import Items, Node, Reference, Scalar, Tree

RESERVED = frozenset(
    {"default", "include", "stages", "variables", "workflow", "spec", "image", "services", "cache"}
    | {"before_script", "after_script"}
)
"""Keys at the top of a file that are no jobs. Source: gitlabhq, lib/gitlab/ci/config/entry/root.rb."""


class Resolver:
    """Resolves the jobs of one file. `open` holds the names of those that build on what the file does not define."""

    def __init__(self, root: Tree) -> None:
        self._root = root
        self._work = 0
        self._referred: dict[tuple[str, ...], tuple[Node, bool]] = {}
        self._whole: dict[str, Tree] = {}
        self.open: set[str] = set()

    def keyword(self, name: str) -> Node | None:
        """A key at the top of the file, references resolved."""
        node = self._root.get(name)
        return None if node is None else self._dereferenced(name, node, ())

    def job(self, name: str) -> Tree | None:
        """A job with all it extends; None where the key is no mapping. Raises: Beyond."""
        return self._extended(name, ())

    def _extended(self, name: str, above: tuple[str, ...]) -> Tree | None:
        if name in self._whole:
            return self._whole[name]
        if name in above:
            raise Beyond("its `extends` go in circles")
        if len(above) > MAX_NESTING:
            raise Beyond("its `extends` nest too deep")
        node = self._root.get(name)
        own = None if node is None else self._dereferenced(name, node, ())
        if not isinstance(own, Tree):
            return None
        result = own
        parents = _names(own.get("extends"))
        if parents:
            base = Tree(entries={}, lines={}, line=own.line)
            for parent in parents:
                found = self._extended(parent, (*above, name))
                if found is None or parent in self.open:
                    self.open.add(name)
                if found is not None:
                    base = self._merged(base, found)
            result = self._merged(base, own)
        self._whole[name] = result
        return result

    def _merged(self, base: Tree, over: Tree) -> Tree:
        """GitLab's deep merge: mappings merge, everything else is replaced."""
        self._spend(len(base.entries) + len(over.entries))
        entries, lines = dict(base.entries), dict(base.lines)
        for key, node in over.entries.items():
            below = entries.get(key)
            entries[key] = self._merged(below, node) if isinstance(below, Tree) and isinstance(node, Tree) else node
            lines[key] = over.lines[key]
        return Tree(entries=entries, lines=lines, line=over.line)

    def _dereferenced(self, name: str, node: Node, path: tuple[tuple[str, ...], ...]) -> Node:
        self._spend(1)
        if isinstance(node, Reference):
            return self._referred_to(name, node, path)
        if isinstance(node, Items):
            items = tuple(self._dereferenced(name, item, path) for item in node.items)
            return (
                node
                if all(a is b for a, b in zip(items, node.items, strict=True))
                else Items(items=items, line=node.line)
            )
        if isinstance(node, Tree):
            entries = {key: self._dereferenced(name, value, path) for key, value in node.entries.items()}
            if all(entries[key] is value for key, value in node.entries.items()):
                return node
            return Tree(entries=entries, lines=node.lines, line=node.line)
        return node

    def _referred_to(self, name: str, reference: Reference, path: tuple[tuple[str, ...], ...]) -> Node:
        if reference.path in path:
            raise Beyond("its `!reference` tags go in circles")
        if len(path) >= MAX_NESTING:
            raise Beyond("its `!reference` tags nest too deep")
        if reference.path not in self._referred:
            target: Node | None = self._root
            for part in reference.path:
                target = target.get(part) if isinstance(target, Tree) else None
            if target is None or not reference.path:
                found: Node = Items(items=(), line=reference.line)
                self._referred[reference.path] = (found, False)
            else:
                before = name in self.open
                self.open.discard(name)
                found = self._dereferenced(name, target, (*path, reference.path))
                self._referred[reference.path] = (found, name not in self.open)
                if before:
                    self.open.add(name)
        found, complete = self._referred[reference.path]
        if not complete:
            self.open.add(name)
        return found

    def _spend(self, count: int) -> None:
        self._work += count
        if self._work > MAX_WORK:
            raise Beyond("its `extends` and `!reference` make it too large")


def _names(node: Node | None) -> list[str]:
    if isinstance(node, Scalar):
        return [node.text]
    return [item.text for item in node.items if isinstance(item, Scalar)] if isinstance(node, Items) else []


def is_job(name: str) -> bool:
    """Whether a key at the top of a file is a job that can run."""
    return name not in RESERVED and not name.startswith(".")
