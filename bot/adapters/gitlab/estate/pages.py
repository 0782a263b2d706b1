"""Rows of projects, whatever the scope is spelled with: groups by the page, single projects by path or id.

A page that GitLab cannot make is asked for in halves, and in the end by the names alone: then each project is asked
for by its id, so that one that cannot be read does not hide its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.ahead import ahead
from bot.adapters.gitlab.estate.asking import Asker, Portion, hopeless, in_portions
from bot.adapters.gitlab.estate.reading import Row, cursor, gid, nodes, row, within
from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.domain.estate import Scope

SMALLEST = 6  # projects a page; below it they are asked for one by one
LONG = 400  # projects; a list that is longer is read from both ends
MOST_PAGES = 20_000


class _Way:
    """One walk through a list, from its beginning or, `backwards`, from its end."""

    def __init__(self, mine: set[int], theirs: set[int], *, backwards: bool = False) -> None:
        """`mine` takes the ids that this walk saw, `theirs` has those of the walk that comes towards it."""
        self._mine = mine
        self._theirs = theirs
        self._backwards = backwards
        self._cursor: str | None = None
        self._begun = False

    def asks(self, size: int) -> dict[str, Json]:
        """The page that comes next; the first one of a list also tells how many rows there are."""
        count = not self._begun and not self._backwards
        if self._backwards:
            return {"last": size, "before": self._cursor, "count": count}
        return {"first": size, "after": self._cursor, "count": count}

    def been_at(self, rows: Sequence[Row]) -> bool:
        """Whether this walk has seen all of these rows before."""
        return bool(rows) and all(one.id in self._mine for one in rows)

    def goes_on(self, page: Mapping[str, Json], rows: Sequence[Row]) -> bool:
        """Whether there is more after this page that nobody has seen."""
        self._begun = True
        ids = {one.id for one in rows}
        self._mine |= ids
        more, name = ("hasPreviousPage", "startCursor") if self._backwards else ("hasNextPage", "endCursor")
        self._cursor = cursor(page, more, name)
        return self._cursor is not None and ids.isdisjoint(self._theirs)


class Pages:
    """Lists projects with their variables."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._count = 0
        self.expected: int | None = None

    def rows(self, scope: Scope) -> Iterator[Row]:
        """Every project of a scope; one that two parts of it name comes twice."""
        paths = [one for one in scope.projects if isinstance(one, str)]
        ids = [one for one in scope.projects if not isinstance(one, str)]
        self.expected = None if scope.everything else len(paths) + len(ids)
        for group in scope.groups:
            yield from self._group(group)
        for path in paths:
            yield from self._named(path)
        yield from self._numbered(ids)
        if scope.everything:
            variables = {"membership": scope.membership}
            pages = self._listed(queries.EVERYTHING, queries.EVERYTHING_NAMES, variables, "", _Way(set(), set()))
            yield from chain.from_iterable(pages)

    def _group(self, path: str) -> Iterator[Row]:
        """A group's projects. A long list is read from both ends at once, until the two meet."""
        seen: tuple[set[int], set[int]] = (set(), set())
        forth = self._listed(queries.GROUP, queries.GROUP_NAMES, {"path": path}, path, _Way(*seen))
        first = next(forth, [])
        yield from first
        if self._count <= LONG:
            yield from chain.from_iterable(forth)
            return
        back = self._listed(
            queries.GROUP, queries.GROUP_NAMES, {"path": path}, path, _Way(seen[1], seen[0], backwards=True)
        )
        with ahead(chain.from_iterable(forth), chain.from_iterable(back), most=LONG) as rows:
            yield from rows

    def _listed(
        self, query: str, names: str, variables: Mapping[str, Json], group: str, way: _Way
    ) -> Iterator[list[Row]]:
        """Page after page; ends with the list, or where those who come from its other end have been."""
        portion = Portion()
        for _ in range(MOST_PAGES):
            try:
                page = self._page(query, {**variables, **way.asks(portion.size)}, group)
                found = self._asker.api.read(lambda found: [row(node) for node in found], nodes(page))
                portion.grew()
            except (RefusedError, TransientError) as error:
                if hopeless(error) or error.status == 404:
                    raise
                if portion.size > SMALLEST:
                    portion.refused()
                    continue
                page = self._page(names, {**variables, **way.asks(SMALLEST)}, group)
                found = list(self._one_by_one(page))
            if isinstance(page.get("count"), int):
                self._count = int(page["count"])
                self.expected = (self.expected or 0) + self._count
            if way.been_at(found):
                raise RefusedError(what="the pages of projects run in a circle", where=self._asker.api.where)
            yield found
            if not way.goes_on(page, found):
                return
        raise RefusedError(what="the pages of projects have no end", where=self._asker.api.where)

    def _page(self, query: str, variables: Mapping[str, Json], group: str) -> dict[str, Json]:
        data = self._asker.graphql(query, variables)
        holder = data.get("group") if group else data
        if holder is None:
            raise self._nothing(f"group {group}")
        page = within(holder, "projects")
        if not isinstance(page, dict):
            raise TransientError(what="GraphQL lists no projects", where=self._asker.api.where)
        return page

    def _one_by_one(self, page: dict[str, Json]) -> Iterator[Row]:
        bare = self._asker.api.read(lambda found: [row(node) for node in found], nodes(page))
        portion = Portion()
        portion.size = 1
        for some, answer in in_portions(bare, portion, lambda part: self._by_id([one.id for one in part])):
            for one in some:
                if isinstance(answer, RopewalkError):
                    yield Row(id=one.id, path=one.path, namespace=one.namespace, trouble=str(answer))
                else:
                    gone = Row(id=one.id, path=one.path, namespace=one.namespace, trouble="it went away meanwhile")
                    yield answer.get(one.id, gone)

    def _numbered(self, ids: Sequence[int]) -> Iterator[Row]:
        for some, answer in in_portions(ids, Portion(), self._by_id):
            if isinstance(answer, RopewalkError):
                raise answer
            for one in some:
                if one not in answer:
                    raise self._nothing(f"project {one}")
                yield answer[one]

    def _by_id(self, ids: Sequence[int]) -> dict[int, Row]:
        data = self._asker.graphql(queries.BY_ID, {"ids": [gid(one) for one in ids]})
        found = self._asker.api.read(lambda rows: [row(node) for node in rows], nodes(data, "projects"))
        return {one.id: one for one in found}

    def _named(self, path: str) -> Iterator[Row]:
        """A project, or all of a group."""
        found = self._asker.graphql(queries.RESOLVE, {"path": path})
        if found.get("project") is not None:
            yield self._asker.api.read(row, found["project"])
        elif found.get("group") is not None:
            yield from self._group(path)
        else:
            raise self._nothing(f"project or group {path}")

    def _nothing(self, what: str) -> RefusedError:
        return RefusedError(
            what=f"there is no {what} that the token may see",
            where=self._asker.api.where,
            remedy="Check the path and the token",
            status=404,
        )
