"""Rows of GraphQL's answers in our own words. Whatever else stands in a row, a value included, is dropped here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from sys import intern

from bot.adapters.gitlab.client import Json
from bot.domain.gitlab import Level, VariableFlags

_SETTINGS = "/-/settings/ci_cd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A project as a page shows it. `flags` is None where its variables may not be read, `more` where they go on.

    `trouble` says why nothing could be read of it.
    """

    id: int
    path: str
    namespace: str
    archived: bool = False
    topics: tuple[str, ...] = ()
    flags: tuple[VariableFlags, ...] | None = None
    more: str | None = None
    trouble: str = ""


def gid(number: int) -> str:
    """A project's global id."""
    return f"gid://gitlab/Project/{number}"


def number(text: object) -> int:
    """The number in a global id. Raises: ValueError."""
    return int(str(text).rpartition("/")[2])


def row(node: Json) -> Row:
    """A project."""
    path = str(node["fullPath"])
    own = node.get("ciVariables")
    return Row(
        id=number(node["id"]),
        path=path,
        namespace=intern(path.rpartition("/")[0]),
        archived=bool(node.get("archived", False)),
        topics=tuple(map(str, node.get("topics") or ())),
        flags=None if own is None else tuple(flags(own, Level.PROJECT, path)),
        more=cursor(own),
    )


def flags(connection: Json, level: Level, owner: str) -> Iterator[VariableFlags]:
    """The variables of a connection; an inherited one names its group."""
    for node in nodes(connection):
        yield VariableFlags(
            key=intern(str(node["key"])),
            level=level,
            owner=_group(node) if level is Level.GROUP else owner,
            protected=bool(node["protected"]),
            masked=bool(node["masked"]),
            hidden=node.get("hidden"),
            raw=bool(node.get("raw", False)),
            environment_scope=intern(str(node.get("environmentScope") or "*")),
            file=node.get("variableType") == "FILE",
        )


def _group(node: Json) -> str:
    """The full path of a group, from the address of its settings; its name, which may repeat, where there is none."""
    settings = str(node.get("groupCiCdSettingsPath") or "")
    path = settings.partition("/groups/")[2].removesuffix(_SETTINGS)
    return intern(path or str(node.get("groupName") or ""))


def within(node: Json, *names: str) -> Json:
    """What stands at the end of these names; None where one of them leads nowhere."""
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def nodes(node: Json, *names: str) -> list[Json]:
    """The nodes of the connection at the end of these names; those that are null, such as what just went, left out."""
    found = within(node, *names, "nodes")
    return [one for one in found if one is not None] if isinstance(found, list) else []


def cursor(connection: Json, more: str = "hasNextPage", name: str = "endCursor") -> str | None:
    """Where a connection goes on; None at its end."""
    found = within(connection, "pageInfo", name)
    return found if within(connection, "pageInfo", more) and isinstance(found, str) else None
