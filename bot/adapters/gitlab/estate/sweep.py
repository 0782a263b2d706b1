"""The sweep itself: page after page of projects, a window of them at a time, each judged by nobody here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.access import Doors
from bot.adapters.gitlab.estate.ahead import ahead
from bot.adapters.gitlab.estate.asking import Asker
from bot.adapters.gitlab.estate.files import CiFile, CiFiles, Read
from bot.adapters.gitlab.estate.merging import Merger, Unmerged
from bot.adapters.gitlab.estate.pages import Pages
from bot.adapters.gitlab.estate.reading import Row
from bot.adapters.gitlab.estate.variables import Above, Flags, rest
from bot.domain.ci import CiFacts
from bot.domain.errors import RefusedError, TransientError
from bot.domain.estate import ProjectFacts, Scope, Unread, Wishes
from bot.domain.gitlab import Level, UnreadableLevel, VariableFlags, Variables

WINDOW = 1_000  # projects held at a time: enough that their groups fill a request, few enough to forget
READY = 64  # places that wait to be judged
AT_ONCE = 4  # projects asked by REST at the same time


class GitLabEstate:
    """See bot.ports.estate.Estate."""

    def __init__(
        self,
        api: Api,
        count: Callable[[], int],
        read_ci: Read,
        wait: Callable[[float], None] = time.sleep,
        named: frozenset[str] = frozenset(),
    ) -> None:
        """`count` are the calling thread's requests so far, `read_ci` parses a CI file; `named` are policy's."""
        self._named = named
        self._asker = Asker(api, count, wait)
        self._pages = Pages(self._asker)
        self._files = CiFiles(self._asker, read_ci)
        self._merger = Merger(self._asker, read_ci)
        self._doors = Doors(self._asker)

    def expected(self) -> int | None:
        """How many projects come, at most."""
        return self._pages.expected

    def requests(self) -> int:
        """Calls to GitLab so far."""
        return self._asker.requests

    def sweep(self, scope: Scope, wishes: Wishes) -> Iterator[ProjectFacts]:
        """Instance, groups, projects. Another thread waits for GitLab, so that the caller's can be interrupted."""
        with ahead(self._places(scope, wishes), most=READY) as places:
            yield from places

    def _places(self, scope: Scope, wishes: Wishes) -> Iterator[ProjectFacts]:
        above = Above(self._asker)
        told: set[str] = set()
        pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="estate")
        if wishes.files:
            pool.submit(self._files.warm)
        try:
            with ahead(_once(self._pages.rows(scope)), most=2 * WINDOW) as rows:
                instance = above.instance()
                yield self._told(_holder(Level.INSTANCE, "", instance))
                for window in _windows(row for row in rows if scope.keep(_bare(row))):
                    above.learn(window)
                    yield from map(self._told, _groups(above, window, told))
                    yield from self._window(window, above, instance, wishes, pool)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _window(
        self, rows: Sequence[Row], above: Above, instance: Flags | Unread, wishes: Wishes, pool: ThreadPoolExecutor
    ) -> Iterator[ProjectFacts]:
        rows = [self._whole(row) for row in rows]
        known = {row.id: self._told(_facts(row, above.of(row.namespace), instance)) for row in rows}
        files = self._files.of([row for row in rows if not row.trouble and wishes.ci(known[row.id])])
        for row in rows:
            if row.id in files:
                known[row.id] = replace(known[row.id], ci=files[row.id].ci, ci_path=files[row.id].path)
        unmerged = [
            one for row in rows if row.id in files and (one := _unmerged(row, known[row.id], files[row.id], wishes))
        ]
        for project_id, ci in self._merger.merged(unmerged).items():
            known[project_id] = replace(known[project_id], ci=ci)
        asked = {
            row.id: pool.submit(self._doors.read, row.id, row.namespace)
            for row in rows
            if not row.trouble and wishes.access(known[row.id])
        }
        for row in rows:
            facts, future = known.pop(row.id), asked.pop(row.id, None)
            yield facts if future is None else replace(facts, access=future.result())

    def _told(self, facts: ProjectFacts) -> ProjectFacts:
        """With what policy names."""
        return replace(facts, named=self._named) if self._named else facts

    def _whole(self, row: Row) -> Row:
        """A row with the further pages of its variables."""
        if row.more is None:
            return row
        try:
            more = rest(self._asker, row, row.more, queries.MORE, Level.PROJECT)
        except (RefusedError, TransientError) as error:
            return replace(row, flags=None, more=None, trouble=str(error))
        return replace(row, flags=(row.flags or ()) + more, more=None)


def _unmerged(row: Row, facts: ProjectFacts, file: CiFile, wishes: Wishes) -> Unmerged | None:
    """A file that somebody wants to see merged, and that can be."""
    if isinstance(file.ci, CiFacts) and not file.elsewhere and not file.ci.merged and wishes.merged(facts):
        return Unmerged(row=row, oid=file.oid, ci=file.ci)
    return None


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    seen: set[int] = set()
    for row in rows:
        if row.id not in seen:
            seen.add(row.id)
            yield row


def _windows(rows: Iterable[Row]) -> Iterator[list[Row]]:
    window: list[Row] = []
    for row in rows:
        window.append(row)
        if len(window) == WINDOW:
            yield window
            window = []
    if window:
        yield window


def _bare(row: Row) -> ProjectFacts:
    return ProjectFacts(
        project_id=row.id,
        full_path=row.path,
        variables=Variables(flags=()),
        topics=row.topics,
        archived=row.archived,
    )


def _facts(row: Row, inherited: Flags | Unread, instance: Flags | Unread) -> ProjectFacts:
    levels = (row.flags, inherited, instance)
    unread = None
    if row.trouble:
        unread = Unread(what=f"variables of the project ({row.trouble})", remedy="Audit again later")
    elif row.flags is None:
        unread = Unread(
            what="variables of the project",
            remedy="Maintainer of the project may read them: give the token's user that role",
        )
    missing = ((Level.PROJECT, unread), (Level.GROUP, inherited), (Level.INSTANCE, instance))
    unreadable = tuple(UnreadableLevel(level, one.what) for level, one in missing if isinstance(one, Unread))
    known: chain[VariableFlags] = chain.from_iterable(level for level in levels if isinstance(level, tuple))
    return replace(
        _bare(row),
        variables=Variables(flags=tuple(known), unreadable=unreadable),
        unread=unread,
    )


def _holder(level: Level, path: str, flags: Flags | Unread) -> ProjectFacts:
    unread = flags if isinstance(flags, Unread) else None
    variables = Variables(
        flags=() if isinstance(flags, Unread) else flags,
        unreadable=() if unread is None else (UnreadableLevel(level, unread.what),),
    )
    return ProjectFacts(project_id=0, full_path=path, level=level, variables=variables, unread=unread)


def _groups(above: Above, rows: Sequence[Row], told: set[str]) -> Iterator[ProjectFacts]:
    """Each group once that holds variables its projects inherit, and each whose variables nobody lets us read."""
    for namespace in dict.fromkeys(row.namespace for row in rows):
        inherited = above.of(namespace)
        if isinstance(inherited, Unread):
            if namespace not in told:
                told.add(namespace)
                yield _holder(Level.GROUP, namespace, inherited)
            continue
        for owner in dict.fromkeys(flags.owner for flags in inherited):
            if owner not in told:
                told.add(owner)
                yield _holder(Level.GROUP, owner, tuple(flags for flags in inherited if flags.owner == owner))
