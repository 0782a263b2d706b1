"""Notes on merge requests. Source: lib/api/notes.rb, lib/api/helpers/notes_helpers.rb, app/services/notes/*."""

from bot.sandbox.answers import Answer, bad_request, forbidden, invalid, no_record
from bot.sandbox.rest import quick_actions
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.entities.people import user_basic
from bot.sandbox.rest.merge_requests import merge_request_of
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Note

ROUTES = Routes()

SIZE_LIMIT_BYTES = 1_048_576
"""Setting `description_and_note_max_size`."""


def _note(call: Call, one: MergeRequest) -> Note:
    found = one.notes.get(call.number("note_id"))
    if found is None:
        raise no_record()
    return found


def _checked_body(call: Call) -> str:
    body = call.params.needed("body")
    if len(body.encode()) > SIZE_LIMIT_BYTES:
        raise bad_request('Note {:note=>["is too long (1048576 bytes max)"]}')
    return body


def _after_commands(outcome: quick_actions.Outcome) -> Answer:
    """A note of nothing but commands: 202 when they worked, 400 when none did."""
    if outcome.summary:
        return Answer(status=202, body={"commands_changes": outcome.changes, "summary": outcome.summary})
    raise bad_request(", ".join(outcome.errors) or "Commands did not apply")


@ROUTES.get("/projects/:id/merge_requests/:iid/notes", job_token=True)
def list_notes(call: Call) -> Answer:
    """Notes by `order_by` (created_at, updated_at), newest first; internal ones for Reporters."""
    project, one = merge_request_of(call)
    order = call.params.choice("order_by", ("created_at", "updated_at"), "created_at")
    falling = call.params.choice("sort", ("asc", "desc"), "desc") == "desc"
    sees_internal = call.level(project) >= Level.REPORTER
    rows = [note for note in list(one.notes.values()) if sees_internal or not note.internal]
    rows.sort(key=lambda note: (getattr(note, order), note.id), reverse=falling)
    return paged(call, rows, lambda note: work.note(call.world, project, one, note))


@ROUTES.get("/projects/:id/merge_requests/:iid/notes/:note_id", job_token=True)
def get_note(call: Call) -> Answer:
    """One note."""
    project, one = merge_request_of(call)
    return ok(work.note(call.world, project, one, _note(call, one)))


@ROUTES.post("/projects/:id/merge_requests/:iid/notes")
def create_note(call: Call) -> Answer:
    """A new note; its command lines are executed and leave no trace in it."""
    call.params.require("body")
    project, one = merge_request_of(call)
    user, body = call.user(), _checked_body(call)
    if project.visibility == "private" and call.level(project) < Level.GUEST:
        raise forbidden()
    text, commands = quick_actions.extract(body)
    if not body.strip():
        raise bad_request('Note {:note=>["can\'t be blank"]}')
    if commands:
        outcome = quick_actions.apply(call, project, one, commands)
        if not text:
            return _after_commands(outcome)
        body = text
    now = call.world.clock.now()
    note = Note(
        id=call.world.next_id("note"),
        body=body,
        author=user,
        created_at=now,
        updated_at=now,
        internal=call.params.flag("internal") or call.params.flag("confidential"),
    )
    one.notes[note.id] = note
    one.updated_at = now
    call.world.activity.event(project, user, "commented on", target_type="Note", target=(note.id, note.id, one.title))
    return created(work.note(call.world, project, one, note))


@ROUTES.put("/projects/:id/merge_requests/:iid/notes/:note_id")
def update_note(call: Call) -> Answer:
    """A new body. Commands in it run too; a body of nothing but commands deletes the note (202)."""
    call.params.require("body")
    project, one = merge_request_of(call)
    note, body = _note(call, one), _checked_body(call)
    if call.user() is not note.author and call.level(project) < Level.MAINTAINER:
        raise forbidden()
    if not body.strip():
        raise bad_request('Note {:note=>["can\'t be blank"]}')
    text, commands = quick_actions.extract(body)
    if commands:
        outcome = quick_actions.apply(call, project, one, commands)
        if not text:
            del one.notes[note.id]
            return _after_commands(outcome)
        body = text
    note.body = body
    note.updated_at = call.world.clock.now()
    return ok(work.note(call.world, project, one, note))


@ROUTES.delete("/projects/:id/merge_requests/:iid/notes/:note_id")
def delete_note(call: Call) -> Answer:
    """Remove a note."""
    project, one = merge_request_of(call)
    note = _note(call, one)
    if call.user() is not note.author and call.level(project) < Level.MAINTAINER:
        raise forbidden()
    del one.notes[note.id]
    return no_content()


def _award(call: Call, project: Project, note: Note, row: int) -> dict[str, object]:
    number, name, user = note.emoji[row]
    return {
        "id": number,
        "name": name,
        "user": user_basic(call.world, user),
        "created_at": stamp(note.updated_at),
        "updated_at": stamp(note.updated_at),
        "awardable_id": note.id,
        "awardable_type": "Note",
        "url": f"{call.base_url}/{project.full_path}/-/emoji/{name}",
    }


@ROUTES.get("/projects/:id/merge_requests/:iid/notes/:note_id/award_emoji")
def list_emoji(call: Call) -> Answer:
    """Reactions to a note."""
    project, one = merge_request_of(call)
    note = _note(call, one)
    return paged(call, range(len(note.emoji)), lambda row: _award(call, project, note, row))


@ROUTES.post("/projects/:id/merge_requests/:iid/notes/:note_id/award_emoji")
def add_emoji(call: Call) -> Answer:
    """React to a note."""
    project, one = merge_request_of(call)
    note, name = _note(call, one), call.params.needed("name")
    if not name:
        raise invalid("name is empty")
    note.emoji.append((call.world.next_id("emoji"), name, call.user()))
    return created(_award(call, project, note, len(note.emoji) - 1))
