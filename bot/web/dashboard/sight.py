"""What a viewer sees: rows that they may not see are not counted, named or hinted at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from bot.ports.views import ProjectViews
from bot.web.viewer import Anybody, Viewer

Row = TypeVar("Row")
Place = TypeVar("Place")
MOST = 1_000  # rows read at a time
PATIENCE = 2  # pieces of a page that may hold too little


Fetch: TypeAlias = Callable[[Place | None, int, tuple[int, ...] | None], Sequence[Row]]
"""Rows from after a place on, at most so many, about these projects (None: all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Of(Generic[Row, Place]):
    """Of a row: where it stands in its list, and the project id, or else the path, that it is about."""

    place: Callable[[Row], Place]
    about: Callable[[Row], tuple[int | None, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet(Generic[Row, Place]):
    """Rows of one page, and where the next begins; None at the end."""

    rows: tuple[Row, ...]
    next: Place | None


class Sight:
    """One viewer's view, for one request: what was asked once is not asked again."""

    def __init__(self, viewer: Viewer, projects: ProjectViews, *, inside: bool = False) -> None:
        """With `inside` they see what they are no strangers to: what is confidential of a project is for no others."""
        self._ask = viewer.insiders if inside else viewer.visible
        self._projects = projects
        self._asked: set[int] = set()
        self._seen: set[int] = set()
        self._all: tuple[int, ...] | None = None
        self._paths: Mapping[int, str] | None = None
        self._whole: frozenset[str] | None = None
        self.everything = isinstance(viewer, Anybody)

    def project(self, project_id: int) -> bool:
        """Whether they see that one."""
        return bool(self.projects([project_id]))

    def projects(self, ids: Iterable[int]) -> frozenset[int]:
        """Those that they see."""
        asked = frozenset(ids)
        if self.everything:
            return asked
        fresh = asked - self._asked
        if fresh:
            self._seen |= self._ask(sorted(fresh)) & fresh
            self._asked |= fresh
        return asked & self._seen

    def all(self) -> tuple[int, ...] | None:
        """Every project on record that they see; None for whoever sees everything.

        That asks GitLab about all of them: for counts, and where most rows turned out not to be for them.
        """
        if self.everything:
            return None
        if self._all is None:
            self._all = tuple(sorted(self.projects(self._on_record())))
        return self._all

    def place(self, project_id: int | None, path: str) -> bool:
        """Whether they see what is said of a project, or of a group (the instance, for an empty path).

        What is said of a group is for those who see every project on record below it.
        """
        if self.everything:
            return True
        if project_id is not None:
            return self.project(project_id)
        if self._whole is None:
            self._whole = self._groups()
        return path in self._whole

    def sheet(self, fetch: Fetch[Place, Row], of: Of[Row, Place], after: Place | None, size: int) -> Sheet[Row, Place]:
        """A page of `size` rows from after a place on.

        Read piece by piece until it is full: where a viewer sees most, few are asked about. Where the first pieces hold
        too little, the rest is asked for among what they see.
        """
        kept: list[Row] = []
        limit, among, pieces = size + 1, None, 0
        while len(kept) <= size:
            rows = fetch(after, limit, among)
            kept += self._shown(rows, of)
            if len(rows) < limit:
                break
            after, pieces = of.place(rows[-1]), pieces + 1
            limit = min(2 * limit, MOST)
            if pieces == PATIENCE and len(kept) <= size:
                among = self.all()
        return Sheet(rows=tuple(kept[:size]), next=of.place(kept[size - 1]) if len(kept) > size else None)

    def _shown(self, rows: Sequence[Row], of: Of[Row, Place]) -> list[Row]:
        if self.everything:
            return list(rows)
        about = [of.about(row) for row in rows]
        self.projects(id_ for id_, _ in about if id_ is not None)  # all of them at once
        return [row for row, place in zip(rows, about, strict=True) if self.place(*place)]

    def _groups(self) -> frozenset[str]:
        """The groups, and the instance as an empty path, below which they see every project on record."""
        seen = frozenset(self.all() or ())
        some: set[str] = set()
        hidden: set[str] = set()
        for id_, path in self._on_record().items():
            (some if id_ in seen else hidden).add(path.rpartition("/")[0])
        return frozenset(_with_parents(some) - _with_parents(hidden))

    def _on_record(self) -> Mapping[int, str]:
        if self._paths is None:
            self._paths = self._projects.paths()
        return self._paths


def _with_parents(groups: Iterable[str]) -> set[str]:
    """Full paths, those of all groups above them, and the empty one of the instance."""
    found: set[str] = set()
    for path in groups:
        while path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found
