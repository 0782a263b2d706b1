"""Notes on merge requests and issues.

Source: lib/api/notes.rb, lib/api/helpers/notes_helpers.rb, app/services/notes/*.
"""

import hashlib
from collections.abc import Callable

from bot.sandbox.answers import Answer, bad_request, forbidden, no_record
from bot.sandbox.rest import quick_actions
from bot.sandbox.rest.bounds import oversize
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.issues import issue_of
from bot.sandbox.rest.merge_requests import merge_request_of
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue, Note, Noteable

ROUTES = Routes()

Find = Callable[[Call], tuple[Project, Noteable]]

PLACES: dict[str, Find] = {"merge_requests": merge_request_of, "issues": issue_of}
"""What can be discussed: the path's word, and how to find the record."""


def visible_notes(call: Call, project: Project, one: Noteable) -> list[Note]:
    """The notes the caller sees, oldest first; internal ones are for Reporters."""
    sees_internal = call.level(project) >= Level.PLANNER
    return [note for note in list(one.notes.values()) if sees_internal or not note.internal]


def note_of(call: Call, project: Project, one: Noteable) -> Note:
    """The note of the path. Raises: RefusalError (404)."""
    number = call.number("note_id")
    found = next((note for note in visible_notes(call, project, one) if note.id == number), None)
    if found is None:
        raise no_record()
    return found


def checked_body(call: Call) -> str:
    """The body. Raises: RefusalError (400) for none, an empty or an oversized one."""
    body = call.params.needed("body")
    found = oversize(body)
    if found:
        raise bad_request(f'Note {{:note=>["{found}"]}}')
    if not body.strip():
        raise bad_request('Note {:note=>["can\'t be blank"]}')
    return body


def after_commands(outcome: quick_actions.Outcome) -> Answer:
    """A note of nothing but commands: 202 when they worked, 400 when none did."""
    if outcome.summary:
        return Answer(status=202, body={"commands_changes": outcome.changes, "summary": outcome.summary})
    raise bad_request(", ".join(outcome.errors) or "Commands did not apply")


def check_may_write(call: Call, project: Project, one: Noteable) -> None:
    """Raises: RefusalError (403) for a stranger to a private project, or a locked discussion."""
    user = call.user()
    if project.visibility == "private" and call.level(project) < Level.GUEST:
        raise forbidden()
    if one.discussion_locked and not access.is_member(user, project) and not user.admin:
        raise forbidden()


def discussion_of_one(number: int) -> str:
    """The discussion id of a note that stands alone: 40 hex digits that never change."""
    return hashlib.sha1(f"discussion of note {number}".encode(), usedforsecurity=False).hexdigest()


def write_note(
    call: Call, project: Project, one: Noteable, body: str, *, discussion: str | None = None, threaded: bool = False
) -> Note | quick_actions.Outcome:
    """Write a note; its command lines are executed and leave no trace. A body of commands only writes none."""
    text, commands = quick_actions.extract(body)
    if commands:
        outcome = quick_actions.apply(call, project, one, commands)
        if not text:
            return outcome
        body = text
    now, number = call.world.clock.now(), call.world.next_id("note")
    note = Note(
        id=number,
        body=body,
        author=call.user(),
        created_at=moment(call, "created_at") or now if call.level(project) >= Level.OWNER else now,
        updated_at=now,
        internal=call.params.flag("internal") or call.params.flag("confidential"),
        discussion_id=discussion or discussion_of_one(number),
        threaded=threaded,
        resolvable=threaded and not isinstance(one, Issue),
    )
    one.notes[note.id] = note
    one.updated_at = now
    call.world.activity.note(project, one, note, "create")
    return note


def change_note(call: Call, project: Project, one: Noteable, note: Note) -> Answer:
    """A new body. Commands in it run too; a body of nothing but commands deletes the note (202)."""
    body = checked_body(call)
    if call.user() is not note.author and call.level(project) < Level.MAINTAINER:
        raise forbidden()
    text, commands = quick_actions.extract(body)
    if commands:
        outcome = quick_actions.apply(call, project, one, commands)
        if not text:
            del one.notes[note.id]
            return after_commands(outcome)
        body = text
    changed = note.body != body
    note.body = body
    note.updated_at = call.world.clock.now()
    if changed:
        note.edited_at, note.edited_by = note.updated_at, call.user()
        call.world.activity.note(project, one, note, "update")
    return ok(work.note(call.world, project, one, note))


def remove_note(call: Call, project: Project, one: Noteable, note: Note) -> Answer:
    """Gone, if it is the caller's or the caller a Maintainer."""
    if call.user() is not note.author and call.level(project) < Level.MAINTAINER:
        raise forbidden()
    del one.notes[note.id]
    return no_content()


def _list(call: Call, find: Find) -> Answer:
    """Notes by `order_by` (created_at, updated_at), newest first."""
    project, one = find(call)
    order = call.params.choice("order_by", ("created_at", "updated_at"), "created_at")
    falling = call.params.choice("sort", ("asc", "desc"), "desc") == "desc"
    kind = call.params.choice("activity_filter", ("all_notes", "only_comments", "only_activity"), "all_notes")
    rows = [
        note
        for note in visible_notes(call, project, one)
        if kind == "all_notes" or note.system == (kind == "only_activity")
    ]
    rows.sort(
        key=lambda note: (note.updated_at if order == "updated_at" else note.created_at, note.id), reverse=falling
    )
    return paged(call, rows, lambda note: work.note(call.world, project, one, note))


def _get(call: Call, find: Find) -> Answer:
    project, one = find(call)
    return ok(work.note(call.world, project, one, note_of(call, project, one)))


def _create(call: Call, find: Find) -> Answer:
    call.params.require("body")
    project, one = find(call)
    check_may_write(call, project, one)
    made = write_note(call, project, one, checked_body(call))
    if isinstance(made, quick_actions.Outcome):
        return after_commands(made)
    return created(work.note(call.world, project, one, made))


def _update(call: Call, find: Find) -> Answer:
    call.params.require("body")
    project, one = find(call)
    return change_note(call, project, one, note_of(call, project, one))


def _delete(call: Call, find: Find) -> Answer:
    project, one = find(call)
    return remove_note(call, project, one, note_of(call, project, one))


def _register(place: str, find: Find) -> None:
    path, read = f"/projects/:id/{place}/:iid/notes", place == "merge_requests"
    ROUTES.get(path, job_token=read)(lambda call: _list(call, find))
    ROUTES.post(path)(lambda call: _create(call, find))
    ROUTES.get(f"{path}/:note_id", job_token=read)(lambda call: _get(call, find))
    ROUTES.put(f"{path}/:note_id")(lambda call: _update(call, find))
    ROUTES.delete(f"{path}/:note_id")(lambda call: _delete(call, find))


for _place, _find in PLACES.items():
    _register(_place, _find)
