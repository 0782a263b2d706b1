"""Names and flags of CI/CD variables through GraphQL, which need not select `value` (REST always sends it).

Source: app/graphql/types/ci/*variable*_type.rb. No permission is a null field, not an error; permitted but empty is an
empty list.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Level, UnreadableLevel, VariableFlags, Variables

_FLAGS = "nodes { key protected masked raw environmentScope %s } pageInfo { hasNextPage endCursor }"
QUERY = f"""
query($path: ID!, $own: String, $inherited: String) {{
  project(fullPath: $path) {{
    ciVariables(first: 100, after: $own) {{ {_FLAGS % "hidden"} }}
    inheritedCiVariables(first: 100, after: $inherited) {{ {_FLAGS % "groupName"} }}
  }}
  ciVariables {{ nodes {{ key protected masked raw }} }}
}}
"""
MOST_PAGES = 400  # GitLab allows 30,000 variables in a group


class GitLabVariables:
    """See bot.ports.gitlab.VariableReader."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def variables(self, full_path: str) -> Variables:
        """Project, group and instance variables in one query for up to a hundred of each."""
        return self._api.read(self._read, full_path)

    def _read(self, full_path: str) -> Variables:
        first = self._page(full_path, None, None)
        project, instance = first["project"], first.get("ciVariables")
        own, inherited = project.get("ciVariables"), project.get("inheritedCiVariables")
        levels = (
            (own, UnreadableLevel(Level.PROJECT, "variables of the project (needs Maintainer)")),
            (inherited, UnreadableLevel(Level.GROUP, "variables of its groups (needs Maintainer)")),
            (instance, UnreadableLevel(Level.INSTANCE, "variables of the instance (needs an admin's token)")),
        )
        flags = [
            *_flags(own, Level.PROJECT, full_path),
            *_flags(inherited, Level.GROUP, full_path),
            *_flags(instance, Level.INSTANCE, self._api.where),
        ]
        for _ in range(MOST_PAGES):
            after_own, after_inherited = _cursor(own), _cursor(inherited)
            if after_own is None and after_inherited is None:
                unreadable = tuple(what for connection, what in levels if connection is None)
                return Variables(flags=tuple(flags), unreadable=unreadable)
            project = self._page(full_path, after_own, after_inherited)["project"]
            # The query asks for both lists each time; a list that has ended starts over and is not taken again.
            own = self._rest(project, "ciVariables") if after_own else None
            inherited = self._rest(project, "inheritedCiVariables") if after_inherited else None
            flags += [*_flags(own, Level.PROJECT, full_path), *_flags(inherited, Level.GROUP, full_path)]
        raise RefusedError(what=f"the variables of {full_path} have no end", where=self._api.where)

    def _rest(self, project: Json, name: str) -> Json:
        """A further page of a list that was readable a moment ago; without it the list would look complete."""
        if project.get(name) is None:
            raise TransientError(what=f"a page of {name} went missing", where=self._api.where)
        return project[name]

    def _page(self, full_path: str, own: str | None, inherited: str | None) -> dict[str, Json]:
        data = self._api.graphql(QUERY, {"path": full_path, "own": own, "inherited": inherited})
        if data.get("project") is None:
            raise RefusedError(what=f"project {full_path} is not visible in GraphQL", where=self._api.where)
        return data


def _flags(connection: Json, level: Level, owner: str) -> Iterator[VariableFlags]:
    for node in (connection or {}).get("nodes") or ():
        yield VariableFlags(
            key=str(node["key"]),
            level=level,
            owner=str(node.get("groupName") or owner),
            protected=bool(node["protected"]),
            masked=bool(node["masked"]),
            hidden=node.get("hidden"),
            raw=bool(node.get("raw", False)),
            environment_scope=str(node.get("environmentScope") or "*"),
        )


def _cursor(connection: Json) -> str | None:
    page = (connection or {}).get("pageInfo") or {}
    return page.get("endCursor") if page.get("hasNextPage") else None
