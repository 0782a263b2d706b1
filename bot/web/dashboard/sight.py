"""What a viewer sees: rows that they may not see are not counted, named or hinted at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.ports.views import ProjectViews
from bot.web.viewer import Anybody, Viewer

Row = TypeVar("Row")
Place = TypeVar("Place")
AT_ONCE = 500  # projects that a viewer is asked about at a time
MOST = 2_000  # rows read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet(Generic[Row, Place]):
    """Rows of one page, and where the next begins; None at the end."""

    rows: tuple[Row, ...]
    next: Place | None


class Sight:
    """One viewer's view, for one request: what was asked once is not asked again."""

    def __init__(self, viewer: Viewer, projects: ProjectViews) -> None:
        self._viewer = viewer
        self._projects = projects
        self._known: dict[int, bool] = {}
        self._paths: Mapping[int, str] | None = None
        self._places: dict[str, bool] = {}
        self.everything = isinstance(viewer, Anybody)

    def project(self, project_id: int) -> bool:
        """Whether they see that one."""
        return bool(self.projects([project_id]))

    def projects(self, ids: Iterable[int]) -> frozenset[int]:
        """Those that they see."""
        asked = frozenset(ids)
        if self.everything:
            return asked
        fresh = sorted(asked - self._known.keys())
        for start in range(0, len(fresh), AT_ONCE):
            part = fresh[start : start + AT_ONCE]
            seen = self._viewer.visible(part)
            self._known |= {one: one in seen for one in part}
        return frozenset(one for one in asked if self._known[one])

    def place(self, project_id: int | None, path: str) -> bool:
        """Whether they see what is said of a project, or of a group (the instance, for an empty path).

        What is said of a group is for those who see every watched project below it.
        """
        if self.everything:
            return True
        if project_id is not None:
            return self.project(project_id)
        if path not in self._places:
            if self._paths is None:
                self._paths = self._projects.paths()
            below = [id_ for id_, one in self._paths.items() if not path or one.startswith(f"{path}/")]
            self._places[path] = bool(below) and len(self.projects(below)) == len(set(below))
        return self._places[path]

    def sheet(
        self,
        fetch: Callable[[Place | None, int], Sequence[Row]],
        place_of: Callable[[Row], Place],
        project_of: Callable[[Row], tuple[int | None, str]],
        after: Place | None,
        size: int,
    ) -> Sheet[Row, Place]:
        """A page of `size` rows from after a place on, read in growing pieces until it is full."""
        kept: list[Row] = []
        limit = size + 1
        while len(kept) <= size:
            rows = fetch(after, limit)
            kept += self._seen(rows, project_of)
            if len(rows) < limit:
                break
            after, limit = place_of(rows[-1]), min(2 * limit, MOST)
        return Sheet(rows=tuple(kept[:size]), next=place_of(kept[size - 1]) if len(kept) > size else None)

    def _seen(self, rows: Sequence[Row], project_of: Callable[[Row], tuple[int | None, str]]) -> list[Row]:
        if self.everything:
            return list(rows)
        places = [project_of(row) for row in rows]
        self.projects(id_ for id_, _ in places if id_ is not None)  # all of them at once
        return [row for row, place in zip(rows, places, strict=True) if self.place(*place)]
