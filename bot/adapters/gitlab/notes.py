"""Notes on merge requests and issues. Source: lib/api/notes.rb."""

from __future__ import annotations

from typing import Literal

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Note


class GitLabNotes:
    """See bot.ports.gitlab.Notes."""

    def __init__(self, api: Api, place: Literal["merge_requests", "issues"] = "merge_requests") -> None:
        self._api = api
        self._place = place

    def _path(self, project_id: int, iid: int) -> str:
        return f"/projects/{project_id}/{self._place}/{iid}/notes"

    def notes(self, project_id: int, iid: int) -> tuple[Note, ...]:
        """All notes of it, oldest first."""
        rows = self._api.pages(self._path(project_id, iid), order_by="created_at", sort="asc")
        return tuple(self._api.read(_note, row) for row in rows)

    def create(self, project_id: int, iid: int, body: str) -> Note:
        """Post a note. GitLab answers 202 without an id when the body held nothing but commands."""
        path = self._path(project_id, iid)
        row = self._api.send("post", path, {"body": body})
        if not isinstance(row, dict) or not isinstance(row.get("id"), int):
            raise RefusedError(what=f"POST {path} was not answered with a note", where=self._api.where)
        return self._api.read(_note, row)

    def update(self, project_id: int, iid: int, note_id: int, body: str) -> None:
        """Replace the body of our note."""
        path = f"{self._path(project_id, iid)}/{note_id}"
        row = self._api.send("put", path, {"body": body})
        if not isinstance(row, dict) or row.get("id") != note_id:
            raise RefusedError(what=f"PUT {path} was not answered with that note", where=self._api.where)

    def delete(self, project_id: int, iid: int, note_id: int) -> None:
        """Remove a surplus note of ours."""
        self._api.send("delete", f"{self._path(project_id, iid)}/{note_id}", {})


def _note(row: Json) -> Note:
    return Note(
        id=int(row["id"]),
        body=str(row.get("body") or ""),
        author_id=int((row.get("author") or {}).get("id") or 0),
        system=bool(row.get("system", False)),
    )
