"""Award emoji on merge requests, issues and their notes. Source: lib/api/award_emoji.rb."""

from bot.sandbox.answers import Answer, no_record, not_found, unauthorized
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import planning
from bot.sandbox.rest.notes import PLACES, Find, note_of
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.work import Award, Note, Noteable

ROUTES = Routes()


def _awardable(call: Call, find: Find) -> Noteable | Note:
    project, one = find(call)
    return note_of(call, project, one) if "note_id" in call.arguments else one


def _award(call: Call, owner: Noteable | Note) -> Award:
    number = call.number("award_id")
    found = next((award for award in owner.emoji if award.id == number), None)
    if found is None:
        raise no_record()
    return found


def _touch(call: Call, owner: Noteable | Note) -> None:
    """What is awarded counts as updated, a note too. Source: app/models/award_emoji.rb, `bump_updated_at`."""
    owner.updated_at = call.world.clock.now()


def _list(call: Call, find: Find) -> Answer:
    owner = _awardable(call, find)
    return paged(call, list(owner.emoji), lambda award: planning.award(call.world, owner, award))


def _get(call: Call, find: Find) -> Answer:
    owner = _awardable(call, find)
    return ok(planning.award(call.world, owner, _award(call, owner)))


def _create(call: Call, find: Find) -> Answer:
    """One of a name from each user; a second is refused as GitLab does, with 404."""
    call.params.require("name")
    owner = _awardable(call, find)
    name, user = call.params.needed("name").strip(":"), call.user()
    if not name:
        raise not_found("Award Emoji Name is not a valid emoji name")
    with call.world.lock:
        if any(award.name == name and award.user is user for award in owner.emoji):
            raise not_found("Award Emoji Name has already been taken")
        made = Award(id=call.world.next_id("emoji"), name=name, user=user, created_at=call.world.clock.now())
        owner.emoji.append(made)
        _touch(call, owner)
    return created(planning.award(call.world, owner, made))


def _delete(call: Call, find: Find) -> Answer:
    owner = _awardable(call, find)
    award = _award(call, owner)
    if call.user() is not award.user and not call.user().admin:
        raise unauthorized()
    owner.emoji.remove(award)
    _touch(call, owner)
    return no_content()


def _register(path: str, find: Find) -> None:
    ROUTES.get(path)(lambda call: _list(call, find))
    ROUTES.post(path)(lambda call: _create(call, find))
    ROUTES.get(f"{path}/:award_id")(lambda call: _get(call, find))
    ROUTES.delete(f"{path}/:award_id")(lambda call: _delete(call, find))


for _place, _find in PLACES.items():
    _register(f"/projects/:id/{_place}/:iid/award_emoji", _find)
    _register(f"/projects/:id/{_place}/:iid/notes/:note_id/award_emoji", _find)
