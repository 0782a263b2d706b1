"""A project's CI file at a commit. Source: lib/api/files.rb, lib/api/lint.rb."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.files import Ci, Read
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.ci_lines import located
from bot.domain.errors import RefusedError
from bot.domain.estate import CI_PATH
from bot.domain.refs import Project

MOST_KEPT = 64  # commits; a release that waits asks for the same one again and again


class GitLabCiFile:
    """See bot.ports.ci.CiFile. `read` makes facts of a text, within bounds of its own; `where` tells where a project's
    settings put its file, by its full path.
    """

    def __init__(self, api: Api, read: Read, where: Callable[[str], str | None]) -> None:
        self._api = api
        self._read = read
        self._where = where
        self._kept: OrderedDict[tuple[int, str], Ci | None] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, project: Project, sha: str) -> Ci | None:
        """Two requests, and a third where something is included; none for a commit asked for lately."""
        return self._once((project.id, sha), lambda: self._at(project, sha))

    def _once(self, key: tuple[int, str], ask: Callable[[], Ci | None]) -> Ci | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = ask()
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _at(self, project: Project, sha: str) -> Ci | None:
        path = self._where(project.full_path) or CI_PATH
        if "@" in path or "://" in path:
            return CiUnknown(reason="the project's settings put its CI file into another place, which is not read")
        text = self._api.text(f"/projects/{project.id}/repository/files/{quote(path, safe='')}/raw", ref=sha)
        if text is None:
            return None
        written = self._read(text)
        if not isinstance(written, CiFacts) or written.whole:
            return written
        merged = self._merged(project.id, sha)
        return written if not isinstance(merged, CiFacts) else located(merged, written)

    def _merged(self, project_id: int, sha: str) -> Ci | None:
        """What CI Lint makes of it; None where the token may not ask, or GitLab cannot merge it."""
        try:
            answer = self._api.get(f"/projects/{project_id}/ci/lint", content_ref=sha)
        except RefusedError:
            return None  # what the file itself says is known all the same, and it says that it is not whole
        text = self._api.read(lambda one: one.get("merged_yaml"), answer) if answer is not None else None
        return self._read(text, merged=True) if isinstance(text, str) else None
