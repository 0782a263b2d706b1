"""Reads keywords of a CI file that come in several shapes; what has none of them is as if it were not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.adapters.ci.bounds import MAX_ENTRIES, MAX_NESTING, Beyond
from bot.adapters.ci.tree import Items, Node, Scalar, Tree
from bot.domain.ci import CiInclude, CiRule
from bot.domain.credentials import literal_secret
from bot.domain.secrets import HIDDEN
from bot.domain.variable_names import names_secret

_NAMES = re.compile(r"(?<!\$)\$(?:env:)?\{?([A-Za-z_][A-Za-z0-9_]*)")
_PUBLISHES = re.compile(
    r"(?i)pypi|twine|(?:python|poetry|wheel).*(?:publish|release|upload|deploy)|"
    r"(?:publish|release|upload|deploy).*(?:python|poetry|wheel)|to-be-continuous/python"
)
_WHOLE_VERSION = re.compile(r".*@(?:\d+\.\d+\.\d+|\$CI_COMMIT_SHA|[0-9a-f]{40}|" + re.escape(HIDDEN) + ")")


def text_of(node: Node | None) -> str | None:
    """A single value as text; None for anything else."""
    return None if not isinstance(node, Scalar) or node.null else node.text


def texts_of(node: Node | None) -> tuple[str, ...]:
    """A list of texts, or one text, as a tuple."""
    return tuple(scalar.text for scalar in scalars_of(node))


def scalars_of(node: Node | None) -> tuple[Scalar, ...]:
    """The values of a list, its lists within flattened, or the one value. Raises: Beyond."""
    found: list[Scalar] = []
    for item in flattened(node):
        if isinstance(item, Scalar) and not item.null:
            found.append(item)
    return tuple(found)


def flattened(node: Node | None) -> tuple[Node, ...]:
    """A list with its lists put in, or the one node as a list; GitLab allows ten levels. Raises: Beyond."""
    found: list[Node] = []
    _flatten(node, found, 0)
    return tuple(found)


def _flatten(node: Node | None, found: list[Node], depth: int) -> None:
    if isinstance(node, Items):
        if depth > MAX_NESTING:
            raise Beyond("its lists nest too deep")
        for item in node.items:
            _flatten(item, found, depth + 1)
    elif node is not None:
        found.append(node)
    if len(found) > MAX_ENTRIES:
        raise Beyond("it has a list that is too long")


def keyword(node: Node | None, key: str) -> Node | None:
    """A key of a mapping; None where there is no mapping or no key."""
    return node.get(key) if isinstance(node, Tree) else None


def named(node: Node | None) -> str | None:
    """A name that may be given as text or as a mapping with `name`: an image, an environment."""
    return text_of(keyword(node, "name")) if isinstance(node, Tree) else text_of(node)


def variables_of(node: Node | None) -> Iterator[tuple[str, Scalar]]:
    """The variables of a mapping, each as text or as a mapping with `value`."""
    if not isinstance(node, Tree):
        return
    for name, entry in node.entries.items():
        value = entry.get("value") if isinstance(entry, Tree) else entry
        if isinstance(value, Scalar):
            yield name, value


def unexpanded(node: Node | None) -> frozenset[str]:
    """The names of variables in a mapping that are not expanded."""
    entries = node.entries.items() if isinstance(node, Tree) else ()
    said = ((name, flag_of(keyword(entry, "expand"))) for name, entry in entries)
    return frozenset(name for name, expands in said if expands is False)


def matrix_of(node: Node | None) -> dict[str, tuple[str, ...]]:
    """The variables of `parallel: matrix` with all values that they may have. Raises: Beyond."""
    found: dict[str, tuple[str, ...]] = {}
    for row in flattened(keyword(node, "matrix")):
        for name, values in row.entries.items() if isinstance(row, Tree) else ():
            found[name] = (*found.get(name, ()), *(shown(name, value) for value in scalars_of(values)))
    return found


def inherited_of(node: Node | None) -> tuple[str, ...] | None:
    """Which of the file's variables a job inherits by `inherit`; None for all. Raises: Beyond."""
    wanted = keyword(node, "variables")
    if isinstance(wanted, Items):
        return texts_of(wanted)
    return () if isinstance(wanted, Scalar) and not wanted.null and not wanted.true else None


def tokens_of(node: Node | None) -> dict[str, tuple[str, ...]]:
    """`id_tokens`: name to audiences."""
    if not isinstance(node, Tree):
        return {}
    return {name: texts_of(keyword(entry, "aud")) for name, entry in node.entries.items()}


def rules_of(node: Node | None, when: str) -> tuple[CiRule, ...] | None:
    """`rules`; `when` is what counts where one does not say. None where there are none. Raises: Beyond."""
    if not isinstance(node, Items):
        return None
    return tuple(
        CiRule(
            condition=text_of(entry.get("if")),
            when=text_of(entry.get("when")) or when,
            narrowed=entry.get("changes") is not None or entry.get("exists") is not None,
            allow_failure=flag_of(entry.get("allow_failure")),
            variables=tuple((name, shown(name, value)) for name, value in variables_of(entry.get("variables"))),
        )
        for entry in flattened(node)
        if isinstance(entry, Tree)
    )


def shown(name: str, value: Scalar) -> str:
    """A variable's value as our data may have it."""
    if value.null:
        return ""
    return HIDDEN if names_secret(name) and literal_secret(value.text) else value.text


def refs_of(node: Node | None) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """`only` or `except`: its refs and its `variables`, each None where not given."""
    if node is None:
        return None, None
    if not isinstance(node, Tree):
        return texts_of(node), None
    refs, conditions = node.get("refs"), node.get("variables")
    return (None if refs is None else texts_of(refs)), (None if conditions is None else texts_of(conditions))


def flag_of(node: Node | None) -> bool | None:
    """`allow_failure` and the like: exit codes count as true. None where not given."""
    if isinstance(node, Tree):
        return True
    return node.true if isinstance(node, Scalar) and not node.null else None


def includes_of(node: Node | None, *, lines: bool) -> tuple[CiInclude, ...]:
    """What we know of each include."""
    return tuple(_include(entry, entry.line if lines else None) for entry in flattened(node))


def _include(entry: Node, line: int | None) -> CiInclude:
    kind, place, fixed = _place(entry)
    varies = "$" in place or (kind == "local" and "*" in place)
    name = _bare(place) if kind == "remote" else place
    if isinstance(entry, Tree):
        name = f"{name}@{text_of(entry.get('ref')) or ''}"
        spelt = f"{text_of(entry.get('ref'))} {_spelt(entry.get('inputs'))}"
        varies = varies or entry.get("rules") is not None or "$" in spelt
    return CiInclude(
        kind=kind,
        fixed=fixed,
        line=line,
        publishes=_PUBLISHES.search(place) is not None,
        path=place.strip().lstrip("/") if kind == "local" else "",
        varies=varies,
        name=name,
    )


def _bare(url: str) -> str:
    """A URL without what may give access: credentials, query, fragment."""
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2]


def _spelt(node: Node | None) -> str:
    """Whatever text stands in a value. Raises: Beyond."""
    if isinstance(node, Tree):
        return " ".join(map(_spelt, node.entries.values()))
    return " ".join(_spelt(entry) if isinstance(entry, Tree) else text_of(entry) or "" for entry in flattened(node))


def _place(entry: Node) -> tuple[str, str, bool]:
    """Kind, name, and whether it is fixed."""
    if not isinstance(entry, Tree):
        place = text_of(entry) or ""
        remote = "://" in place
        return ("remote" if remote else "local"), place, not remote
    if (component := text_of(entry.get("component"))) is not None:
        return "component", component, _WHOLE_VERSION.fullmatch(component) is not None
    if (project := text_of(entry.get("project"))) is not None:
        ref = entry.get("ref")
        place = " ".join((project, *texts_of(entry.get("file"))))
        return "project", place, isinstance(ref, Scalar) and ref.hexadecimal == 40
    if (remote_place := text_of(entry.get("remote"))) is not None:
        return "remote", remote_place, entry.get("integrity") is not None
    if (template := text_of(entry.get("template"))) is not None:
        return "template", template, True
    return "local", text_of(entry.get("local")) or "", True


def names_in(text: str) -> Iterator[str]:
    """The variables that a text names as `$NAME` or `${NAME}`."""
    for match in _NAMES.finditer(text):
        yield match[1]


def as_lines(lines: Mapping[str, int], *, kept: bool) -> dict[str, int]:
    """Lines of keywords, none where they are of no use."""
    return dict(lines) if kept else {}
