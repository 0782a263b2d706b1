"""Discussions: resolvable threads of merge requests, plain ones of issues. Source: lib/api/discussions.rb."""

from bot.sandbox.answers import Answer, Json, forbidden, invalid, not_found
from bot.sandbox.rest import quick_actions
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.notes import (
    PLACES,
    Find,
    after_commands,
    change_note,
    check_may_write,
    checked_body,
    note_of,
    remove_note,
    visible_notes,
    write_note,
)
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Note, Noteable

ROUTES = Routes()


def _show(call: Call, project: Project, one: Noteable, notes: list[Note]) -> Json:
    shown: Json = {
        "id": notes[0].discussion_id,
        "individual_note": not notes[0].threaded,
        "notes": [work.note(call.world, project, one, note) for note in notes],
    }
    return shown


def _threads(call: Call, project: Project, one: Noteable) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = {}
    for note in visible_notes(call, project, one):
        found.setdefault(note.discussion_id, []).append(note)
    return found


def _thread(call: Call, project: Project, one: Noteable) -> list[Note]:
    notes = _threads(call, project, one).get(call.arguments["discussion_id"])
    if notes is None:
        raise not_found("Discussion")
    return notes


def _list(call: Call, find: Find) -> Answer:
    project, one = find(call)
    call.user()
    return paged(call, list(_threads(call, project, one).values()), lambda row: _show(call, project, one, row))


def _get(call: Call, find: Find) -> Answer:
    project, one = find(call)
    call.user()
    return ok(_show(call, project, one, _thread(call, project, one)))


def _create(call: Call, find: Find) -> Answer:
    """A new thread."""
    call.params.require("body")
    project, one = find(call)
    check_may_write(call, project, one)
    made = write_note(call, project, one, checked_body(call), threaded=True)
    if isinstance(made, quick_actions.Outcome):
        return after_commands(made)
    return created(_show(call, project, one, [made]))


def _reply(call: Call, find: Find) -> Answer:
    """A note in a thread; a note that stood alone becomes a thread by it."""
    call.params.require("body")
    project, one = find(call)
    check_may_write(call, project, one)
    notes = _thread(call, project, one)
    made = write_note(call, project, one, checked_body(call), discussion=notes[0].discussion_id, threaded=True)
    if isinstance(made, quick_actions.Outcome):
        return after_commands(made)
    for note in notes:
        note.threaded, note.resolvable = True, made.resolvable
    return created(work.note(call.world, project, one, made))


def _set_resolved(call: Call, project: Project, one: MergeRequest, notes: list[Note]) -> None:
    """Developers and the request's author resolve. Source: app/policies/note_policy.rb."""
    if call.level(project) < Level.DEVELOPER and call.user() is not one.author:
        raise forbidden()
    resolved, now = call.params.flag("resolved"), call.world.clock.now()
    for note in notes:
        if note.resolvable and (note.resolved_at is not None) != resolved:
            note.resolved_at, note.resolved_by = (now, call.user()) if resolved else (None, None)


def _resolve(call: Call, find: Find) -> Answer:
    call.params.require("resolved")
    project, one = find(call)
    notes = _thread(call, project, one)
    if isinstance(one, MergeRequest):
        _set_resolved(call, project, one, notes)
    return ok(_show(call, project, one, notes))


def _notes(call: Call, find: Find) -> Answer:
    project, one = find(call)
    rows = _thread(call, project, one)
    return paged(call, rows, lambda note: work.note(call.world, project, one, note))


def _get_note(call: Call, find: Find) -> Answer:
    project, one = find(call)
    return ok(work.note(call.world, project, one, note_of(call, project, one)))


def _change(call: Call, find: Find) -> Answer:
    """A new body, or `resolved` for this note alone."""
    sent = [name for name in ("body", "resolved") if call.params.has(name)]
    if len(sent) != 1:
        raise invalid(
            "body, resolved are mutually exclusive"
            if sent
            else "body, resolved are missing, exactly one parameter must be provided"
        )
    project, one = find(call)
    note = note_of(call, project, one)
    if sent == ["body"]:
        return change_note(call, project, one, note)
    if isinstance(one, MergeRequest):
        _set_resolved(call, project, one, [note])
    return ok(work.note(call.world, project, one, note))


def _remove(call: Call, find: Find) -> Answer:
    project, one = find(call)
    return remove_note(call, project, one, note_of(call, project, one))


def _register(place: str, find: Find) -> None:
    path = f"/projects/:id/{place}/:iid/discussions"
    one, notes = f"{path}/:discussion_id", f"{path}/:discussion_id/notes"
    ROUTES.get(path)(lambda call: _list(call, find))
    ROUTES.post(path)(lambda call: _create(call, find))
    ROUTES.get(one)(lambda call: _get(call, find))
    if place == "merge_requests":
        ROUTES.put(one)(lambda call: _resolve(call, find))
    ROUTES.get(notes)(lambda call: _notes(call, find))
    ROUTES.post(notes)(lambda call: _reply(call, find))
    ROUTES.get(f"{notes}/:note_id")(lambda call: _get_note(call, find))
    ROUTES.put(f"{notes}/:note_id")(lambda call: _change(call, find))
    ROUTES.delete(f"{notes}/:note_id")(lambda call: _remove(call, find))


for _place, _find in PLACES.items():
    _register(_place, _find)
