"""Variables of the levels above projects, and the rest of long lists.

All projects of one group inherit the same variables, so one project of each group is asked for them: the first whose
own variables we may read, since both need the same role.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker, Portion, in_portions
from bot.adapters.gitlab.estate.reading import Row, cursor, flags, gid, nodes, number, within
from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.domain.estate import Unread
from bot.domain.gitlab import Level, VariableFlags

MOST_PAGES = 400  # GitLab allows 30,000 variables in a group

Flags = tuple[VariableFlags, ...]


class Above:
    """What projects inherit, read once for each group."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._portion = Portion()
        self._known: dict[str, Flags | Unread] = {}

    def instance(self) -> Flags | Unread:
        """The instance's variables; only an admin's token reads them."""
        found: list[VariableFlags] = []
        after: str | None = None
        for _ in range(MOST_PAGES):
            connection = self._asker.graphql(queries.INSTANCE, {"after": after}).get("ciVariables")
            if connection is None:
                return Unread(what="variables of the instance", remedy="Only an admin's token may read them")
            found += self._asker.api.read(
                lambda one: list(flags(one, Level.INSTANCE, self._asker.api.where)), connection
            )
            after = cursor(connection)
            if after is None:
                return tuple(found)
        raise RefusedError(what="the variables of the instance have no end", where=self._asker.api.where)

    def of(self, namespace: str) -> Flags | Unread:
        """What `learn` found for a group."""
        return self._known[namespace]

    def knows(self, namespace: str) -> bool:
        """Whether it was learnt, with success or without."""
        return namespace in self._known

    def learn(self, rows: Iterable[Row]) -> None:
        """Read what the groups of these projects inherit, as far as it is not known."""
        asked: dict[str, Row] = {}
        for row in rows:
            known = self._known.get(row.namespace)
            if known is None or isinstance(known, Unread):
                if row.flags is not None:
                    asked.setdefault(row.namespace, row)
                else:
                    self._known.setdefault(row.namespace, _unread(row.namespace, row.trouble))
        chosen = list(asked.values())
        for some, answer in in_portions(chosen, self._portion, self._ask):
            shown = {} if isinstance(answer, RopewalkError) else answer
            for row in some:
                self._known[row.namespace] = self._inherited(row, shown.get(row.id), answer)

    def _ask(self, rows: Sequence[Row]) -> dict[int, Json]:
        data = self._asker.graphql(queries.INHERITED, {"ids": [gid(row.id) for row in rows]})
        return self._asker.api.read(
            lambda found: {number(node["id"]): node["inheritedCiVariables"] for node in found}, nodes(data, "projects")
        )

    def _inherited(self, row: Row, connection: Json, answer: object) -> Flags | Unread:
        if isinstance(answer, RopewalkError):
            return Unread(what=f"variables of the group {row.namespace} ({answer})", remedy="Audit again later")
        if connection is None:
            return _unread(row.namespace)
        found = self._asker.api.read(lambda one: list(flags(one, Level.GROUP, row.namespace)), connection)
        try:
            return tuple(found) + rest(self._asker, row, cursor(connection), queries.MORE_INHERITED, Level.GROUP)
        except (RefusedError, TransientError) as error:
            return Unread(what=f"variables of the group {row.namespace} ({error})", remedy="Audit again later")


def rest(asker: Asker, row: Row, after: str | None, query: str, level: Level) -> Flags:
    """The further pages of a long list. Raises: TransientError, RefusedError."""
    found: list[VariableFlags] = []
    name = "ciVariables" if level is Level.PROJECT else "inheritedCiVariables"
    for _ in range(MOST_PAGES):
        if after is None:
            return tuple(found)
        project = asker.graphql(query, {"path": row.path, "after": after})
        connection = within(project, "project", name)
        if connection is None:  # readable a moment ago; without it the list would look complete
            raise TransientError(what=f"a page of {name} of {row.path} went missing", where=asker.api.where)
        found += asker.api.read(lambda one: list(flags(one, level, row.path)), connection)
        after = cursor(connection)
    raise RefusedError(what=f"the variables of {row.path} have no end", where=asker.api.where)


def _unread(namespace: str, trouble: str = "") -> Unread:
    """Why nobody saw them: a role, or what kept GitLab from showing the project that they were to be seen through."""
    if trouble:
        return Unread(what=f"variables of the group {namespace} ({trouble})", remedy="Audit again later")
    return Unread(
        what=f"variables of the group {namespace}",
        remedy="Maintainer of a project in it may read them: give the token's user that role",
    )
