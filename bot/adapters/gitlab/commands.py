"""Notes one by one, emoji on them, and people by their number.

Source: lib/api/{notes,award_emoji,events,users,merge_requests,issues}.rb, lib/api/entities/{note,event}.rb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.commands import WORD, Heard, NoteHome, NotePlace, Subject, WrittenNote
from bot.domain.consents import Approver, Author
from bot.domain.errors import CredentialsError, RefusedError

MOST_EVENTS = 500  # of one project in one round
DAY = timedelta(days=1)
COMMIT = """
query($path: ID!, $sha: String!) {
  project(fullPath: $path) { repository { tree(ref: $sha) { lastCommit { sha authorEmail author { id } } } } }
}
"""
# Who edited a note: nobody for one that only got an emoji. Source: app/models/note.rb, `edited?`; since GitLab 15.9.
EDITED = "query($id: NoteID!) { note(id: $id) { lastEditedBy { id } } }"
MOST_KNOWN = 2_000  # notes of which it is remembered
_HOMES = {"MergeRequest": NoteHome.MERGE_REQUEST, "Issue": NoteHome.ISSUE}
# GitLab says with this status that the emoji is there already, or that it knows none of that name.
TAKEN = 404


class GitLabCommandNotes:
    """See bot.ports.commands.CommandNotes. `user_id` is who we are."""

    def __init__(self, api: Api, user_id: int) -> None:
        self._api = api
        self._user_id = user_id
        self._known: dict[int, tuple[datetime, bool]] = {}

    def note(self, place: NotePlace, note_id: int) -> WrittenNote | None:
        """One note. Who edited it is asked after its words are read: an edit in between is seen."""
        row = self._api.get(f"{_path(place)}/notes/{note_id}")
        return None if row is None else self._told(self._api.read(_note, row))

    def subject(self, place: NotePlace) -> Subject | None:
        """The merge request or issue."""
        row = self._api.get(_path(place))
        return None if row is None else self._api.read(_subject, row)

    def award(self, place: NotePlace, note_id: int, name: str) -> None:
        """Look, then give. One that another try of ours gave meanwhile is there."""
        path = f"{_path(place)}/notes/{note_id}/award_emoji"
        if self._awarded(path, name):
            return
        try:
            self._api.send("post", path, {"name": name})
        except RefusedError as error:
            if error.status != TAKEN or not self._awarded(path, name):
                raise

    def written(self, project_id: int, since: datetime) -> tuple[Heard, ...]:
        """A project's events tell of notes on everything, and carry them. `after` is a day, and means after its end."""
        after = (since - DAY).date().isoformat()
        rows = self._api.pages(f"/projects/{project_id}/events", action="commented", after=after)
        found: list[Heard] = []
        for row in islice(rows, MOST_EVENTS):
            at = parse_time(row.get("created_at"))
            if at is None or at < since:
                break  # newest first
            event = self._api.read(_event, row)
            if event is not None and not self._told(event.note).changed:
                place = NotePlace(project_id=project_id, home=event.home, iid=event.iid)
                found.append(Heard(note_id=event.note.id, place=place))
        return tuple(reversed(found))

    def _told(self, note: WrittenNote) -> WrittenNote:
        """With whether it was edited, if anything happened to it: as of that moment, which its time of change names."""
        if not note.touched:
            return note
        known = self._known.get(note.id)
        if known is None or known[0] != note.updated_at:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[note.id] = (note.updated_at, self._edited(note.id))
        return replace(note, edited=known[1])

    def _edited(self, note_id: int) -> bool:
        """What cannot be told counts as edited: nobody speaks with another's voice."""
        try:
            data = self._api.graphql(EDITED, {"id": f"gid://gitlab/Note/{note_id}"})
        except CredentialsError:
            raise
        except RefusedError:  # an older GitLab, which does not know these fields
            return True
        row = data.get("note")
        return not isinstance(row, dict) or row.get("lastEditedBy", row) is not None

    def _awarded(self, path: str, name: str) -> bool:
        rows = (self._api.read(lambda one: (one["name"], one["user"]["id"]), row) for row in self._api.pages(path))
        return (name, self._user_id) in rows


class GitLabPersons:
    """See bot.ports.commands.Persons."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def person(self, user_id: int) -> Approver | None:
        """`bot` says that no person is behind it; other addresses than the public one are for admins to see."""
        row = self._api.get(f"/users/{user_id}")
        return None if row is None else self._api.read(_person, row)

    def attributed(self, path: str, sha: str, authors: tuple[Author, ...]) -> tuple[Author, ...]:
        """GraphQL knows a commit's author by any address; REST finds people by one that is public, or for admins."""
        if all(author.user_id is not None or author.email is None for author in authors):
            return authors
        whose = self._by_commit(path, sha)
        return tuple(self._attributed(author, whose) for author in authors)

    def _attributed(self, author: Author, whose: Mapping[str, int]) -> Author:
        if author.user_id is not None or author.email is None:
            return author
        number = whose.get(author.email.lower()) or self._shown(author.email)
        return author if number is None else replace(author, user_id=number)

    def _by_commit(self, path: str, sha: str) -> dict[str, int]:
        """Address -> user of the commit's author; empty where GitLab does not tell."""
        try:
            data = self._api.graphql(COMMIT, {"path": path, "sha": sha})
        except CredentialsError:
            raise
        except RefusedError:  # an older GitLab, which does not know these fields
            return {}
        commit = self._api.read(_last_commit, data)
        author = commit.get("author")
        # The newest commit of a tree may be another than the one it was asked for.
        if commit.get("sha") != sha or not isinstance(author, dict) or not commit.get("authorEmail"):
            return {}
        number = self._api.read(lambda one: int(str(one["id"]).rpartition("/")[2]), author)
        return {str(commit["authorEmail"]).lower(): number}

    def _shown(self, email: str) -> int | None:
        """Whose address it is. GitLab finds names as well, and people call themselves what they like."""
        rows = (self._api.read(_addressed, row) for row in self._api.pages("/users", search=email))
        found = [number for number, emails in rows if email.lower() in emails]
        return found[0] if len(found) == 1 else None


def _path(place: NotePlace) -> str:
    return f"/projects/{place.project_id}/{place.home.value}/{place.iid}"


def _note(row: Json) -> WrittenNote:
    created, updated = parse_time(row["created_at"]), parse_time(row["updated_at"])
    if created is None or updated is None:
        raise ValueError("a note without its times")
    author = row.get("author") or {}
    return WrittenNote(
        id=int(row["id"]),
        body=str(row.get("body") or ""),
        author_id=int(author.get("id") or 0),
        username=str(author.get("username") or ""),
        created_at=created,
        updated_at=updated,
        system=bool(row.get("system", False)),
        internal=bool(row.get("internal") or row.get("confidential")),
    )


def _subject(row: Json) -> Subject:
    full = str((row.get("references") or {}).get("full", ""))
    return Subject(
        path=full.rpartition("!")[0] or full.rpartition("#")[0],
        web_url=str(row.get("web_url") or ""),
        author_id=int((row.get("author") or {}).get("id") or 0),
        description=str(row.get("description") or ""),
        confidential=bool(row.get("confidential", False)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A note that an event tells of, and what it stands on."""

    note: WrittenNote
    home: NoteHome
    iid: int


def _event(event: Json) -> _Event | None:
    """None for notes without our word, and for those that are not for us."""
    row = event.get("note")
    if not isinstance(row, dict) or WORD not in str(row.get("body") or ""):
        return None
    home, note = _HOMES.get(str(row.get("noteable_type"))), _note(row)
    if home is None or note.system or note.internal:
        return None
    return _Event(note=note, home=home, iid=int(row["noteable_iid"]))


def _person(row: Json) -> Approver:
    return Approver(
        user_id=int(row["id"]),
        username=str(row.get("username", "")),
        level=None,
        emails=_emails(row),
        robot=bool(row.get("bot", False)),
        known=False,
    )


def _last_commit(data: Json) -> Json:
    """An empty one where there is no such project, tree or commit."""
    tree = ((data["project"] or {}).get("repository") or {}).get("tree") or {}
    return tree.get("lastCommit") or {}


def _addressed(row: Json) -> tuple[int, frozenset[str]]:
    return int(row["id"]), _emails(row)


def _emails(row: Json) -> frozenset[str]:
    found = (row.get(name) for name in ("public_email", "email", "commit_email"))
    return frozenset(email.lower() for email in found if isinstance(email, str) and email)
